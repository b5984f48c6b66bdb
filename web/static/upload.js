// Files by drag and drop or by the picker: each is sent at once and becomes a line of the form.
import { fragment, messageIn, signedOut, toast } from "./live.js";

const form = document.getElementById("create");
const data = document.getElementById("files");
const fault = document.getElementById("fault");
let sending = 0;

function lineFor(file, list) {
  const line = document.createElement("li");
  const name = Object.assign(document.createElement("span"), { className: "grow clip", textContent: file.name });
  const bar = document.createElement("progress");
  bar.setAttribute("aria-label", `Sending ${file.name}`);
  line.append(name, bar);
  list.append(line);
  return { line, bar };
}

// a file that was not taken stays in the list, with the reason
function refuse(line, file, why) {
  const refused = document.getElementById("refused").content.firstElementChild.cloneNode(true);
  refused.querySelector("span").textContent = why.includes(file.name) ? why : `${file.name}: ${why}`;
  refused.querySelector("button").setAttribute("aria-label", `Dismiss ${file.name}`);
  line.replaceWith(refused);
}

// XMLHttpRequest, as fetch does not tell how much was sent
function send(file, drop) {
  const { line, bar } = lineFor(file, document.querySelector(drop.dataset.list));
  const { largest, limit } = drop.dataset;
  if (file.size > Number(largest)) {
    refuse(line, file, `The file is larger than ${limit}: split it.`);
    return;
  }
  const request = new XMLHttpRequest();
  const body = new FormData();
  body.set("file", file);
  sending += 1;
  request.upload.addEventListener("progress", (event) => {
    if (event.lengthComputable) [bar.max, bar.value] = [event.total, event.loaded];
  });
  request.addEventListener("loadend", () => {
    sending -= 1;
    if (request.status === 200) return line.replaceWith(parsed(request.responseText));
    const headers = { get: (name) => request.getResponseHeader(name) || "" };
    if (signedOut(request)) return undefined;
    return refuse(line, file, request.status ? messageIn(request.responseText, { headers }) : "The connection was lost.");
  });
  request.open("POST", drop.dataset.to);
  request.setRequestHeader("X-Fragment", "1");
  request.send(body);
}

function parsed(html) {
  const made = document.createElement("template");
  made.innerHTML = html.trim();
  return made.content;
}

for (const drop of document.querySelectorAll(".drop")) {
  const picker = drop.querySelector("input[type=file]");
  picker.addEventListener("change", () => {
    [...picker.files].forEach((file) => send(file, drop));
    picker.value = "";
  });
  for (const name of ["dragenter", "dragover"]) {
    drop.addEventListener(name, (event) => { event.preventDefault(); drop.classList.add("over"); });
  }
  for (const name of ["dragleave", "drop"]) {
    drop.addEventListener(name, () => drop.classList.remove("over"));
  }
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    [...event.dataTransfer.files].forEach((file) => send(file, drop));
  });
}

form.addEventListener("click", (event) => event.target.closest("[data-dismiss]")?.closest("li").remove());
form.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-remove]");
  if (!button) return;
  await fragment(button.dataset.remove, { method: "POST" }).catch((error) => toast(error.message));
  button.closest("li").remove();
});

// a base that dies soon is not trained by mistake
form.addEventListener("change", () => {
  form.elements.accept_retirement.required = form.querySelector("[data-retires=soon]:checked") !== null;
});

// sent by script, so that a refusal leaves everything as it was filled in
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const given = data.querySelector("input[name=files]") || document.getElementById("uris")?.value.trim();
  if (sending || !given) {
    toast(sending ? "Wait until the files are there." : "Add a file first.");
    return;
  }
  const button = form.querySelector("button.main");
  [button.disabled, fault.hidden] = [true, true];
  try {
    const body = new URLSearchParams(new FormData(form));
    const answer = await fetch(form.action, { method: "POST", body, headers: { "X-Fragment": "1" } });
    if (answer.redirected) ahead(answer.url);
    else if (!signedOut(answer)) told(messageIn(await answer.text(), answer));
  } catch {
    told("The connection was lost. Try again.");
  }
  button.disabled = false;
});

function told(text) {
  [fault.textContent, fault.hidden] = [text, false];
}

// the browser's way back leads to the form as it was sent, its files among it
function ahead(url) {
  history.replaceState(null, "", `/new?again=${url.split("/").pop()}`);
  location.assign(url);
}
