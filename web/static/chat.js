// The composer: sends, stops, asks again. The server saves and renders; answer.js shows what streams.
import { awaited, failed, made, read } from "./answer.js";
import { fragment, messageIn, signedOut, swap, toast } from "./live.js";

const form = document.getElementById("composer");
const box = form.elements.text;
const main = document.querySelector("main.chat");
const turns = document.getElementById("turns");
const thread = document.getElementById("thread");
const LOST = "The connection was lost. What was said is saved; reload to see it.";
const UNSENT = "The message was not sent: the server did not answer. It is back in the field; try again.";
// what was typed when the session had ended, until the person is back from signing in
const DRAFT = "luthier-draft";
let stopping = null;

function grow() {
  box.rows = Math.min(8, box.value.split("\n").length);
}

function busy(on) {
  document.getElementById("send").hidden = on;
  document.getElementById("stop").hidden = !on;
  thread.setAttribute("aria-busy", String(on));
}

function place(again) {
  document.querySelectorAll("[data-again]").forEach((button) => button.remove());
  document.getElementById("welcome")?.remove();
  const parts = awaited(document.getElementById("compare").checked);
  if (!again) {
    parts.said = made("user-turn");
    parts.said.querySelector(".said").textContent = box.value.trim();
    turns.append(parts.said);
    fill("");
  }
  turns.append(parts.turn);
  thread.scrollTop = thread.scrollHeight;
  return parts;
}

function fill(text) {
  box.value = text;
  grow();
}

// a message that the server has not taken is the person's again
function takeBack({ said, turn }, text) {
  said.remove();
  turn.remove();
  const last = turns.lastElementChild;
  if (last && !last.querySelector("[data-again]")) last.append(made("again"));
  fill(box.value ? `${text}\n${box.value}` : text);
}

async function ask(again) {
  if (stopping || (!again && !box.value.trim())) return;
  const body = new FormData(form);
  if (again) body.set("again", "1");
  const text = box.value;
  const parts = place(again);
  let taken = again;
  stopping = new AbortController();
  busy(true);
  try {
    const options = { method: "POST", body, signal: stopping.signal, headers: { "X-Fragment": "1" } };
    const answer = await fetch(form.action, options);
    if (answer.ok) await read(answer, parts, thread, (id) => { taken = true; form.elements.conversation.value = id; remember(); });
    else if (signedOut(answer)) sessionStorage.setItem(DRAFT, text);
    else failed({ code: "", message: messageIn(await answer.text(), answer), hint: "" }, parts.sides.tuned);
  } catch (error) {
    if (error.name !== "AbortError") toast(taken ? LOST : UNSENT);
  } finally {
    stopping = null;
    busy(false);
    if (!taken) takeBack(parts, text);
    box.focus();
    await remember();
    if (parts.turn.isConnected) await settle(parts.turn);
  }
}

// stopped or failed: what was saved of the answer, and a way to ask again
async function settle(turn) {
  const id = form.elements.conversation.value;
  turn.querySelectorAll(".streaming").forEach((one) => one.classList.remove("streaming"));
  await new Promise((resume) => { setTimeout(resume, 300); }); // the server notices the stop a little later
  const saved = id && (await fragment(`/chat/${main.dataset.model}/last?conversation=${id}`).catch(() => null));
  if (saved) return swap(turn, saved);
  if (!turn.textContent.trim()) turn.querySelector(".answers, .duel").remove();
  return turn.append(made("again"));
}

// the address and the history follow the conversation
async function remember() {
  const id = form.elements.conversation.value;
  if (!id) return;
  const model = main.dataset.model;
  history.replaceState(null, "", `/chat/${model}?conversation=${id}`);
  const html = await fragment(`/chat/${model}/history?conversation=${id}`).catch(() => null);
  if (html !== null) swap(document.getElementById("history"), html);
}

form.addEventListener("submit", (event) => { event.preventDefault(); ask(false); });
box.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  ask(false);
});
box.addEventListener("input", grow);
document.getElementById("stop").addEventListener("click", () => stopping?.abort());
turns.addEventListener("click", (event) => {
  const again = event.target.closest("[data-again]");
  if (!again) return;
  const turn = again.closest(".turn");
  if (turn.matches(".assistant")) turn.remove();
  ask(true);
});
document.getElementById("compare").addEventListener("change", (event) => main.classList.toggle("comparing", event.target.checked));
thread.scrollTop = thread.scrollHeight;
const draft = sessionStorage.getItem(DRAFT);
if (draft) fill(draft);
sessionStorage.removeItem(DRAFT);
