// The fine-tuning life by OpenAI's own JavaScript SDK: node life.mjs BASE_URL KEY MODEL FILE
import fs from "node:fs";
import { createRequire } from "node:module";

const [baseURL, apiKey, model, file, modules] = process.argv.slice(2);
const OpenAI = createRequire(`${modules}/`)("openai");
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const told = {};

const upload = await client.files.create({ file: fs.createReadStream(file), purpose: "fine-tune" });
let job = await client.fineTuning.jobs.create({
  model,
  training_file: upload.id,
  suffix: "depots",
  hyperparameters: { n_epochs: 1 },
  metadata: { use_case: "Sort the parcel into a depot" },
});
told.created = job.status;
while (!["succeeded", "failed", "cancelled"].includes(job.status)) {
  await new Promise((resolve) => setTimeout(resolve, 300));
  job = await client.fineTuning.jobs.retrieve(job.id);
}
told.job = job;
told.events = [];
for await (const event of client.fineTuning.jobs.listEvents(job.id, { limit: 2 })) told.events.push(event.message);
told.listed = [];
for await (const one of await client.models.list()) told.listed.push(one.id);
const stream = await client.chat.completions.create({
  model: job.fine_tuned_model,
  messages: [{ role: "user", content: "a crate of oranges for the southern market" }],
  max_tokens: 4,
  stream: true,
});
told.chunks = 0;
for await (const chunk of stream) told.chunks += chunk.object === "chat.completion.chunk";
told.deleted = await client.models.delete(job.fine_tuned_model);
try {
  await client.models.retrieve(job.fine_tuned_model);
} catch (error) {
  told.gone = [error.status, error.code, typeof error.requestID];
}
console.log(JSON.stringify(told));
