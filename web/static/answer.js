// An answer on the chat page, while it streams: lines of JSON, see web/pages/dialogue.py.
import { swap, toast } from "./live.js";

export function made(id) {
  return document.getElementById(id).content.firstElementChild.cloneNode(true);
}

// a turn with empty answers, one a side
export function awaited(compare) {
  const turn = made("answer-turn");
  const place = turn.querySelector(".answers");
  if (compare) place.className = "duel";
  const sides = {};
  for (const side of compare ? ["tuned", "base"] : ["tuned"]) {
    const cell = document.createElement("div");
    if (compare) {
      const label = Object.assign(document.createElement("p"), { className: "small soft" });
      label.textContent = side === "tuned" ? "Tuned" : "Base";
      cell.append(label);
    }
    sides[side] = Object.assign(document.createElement("div"), { className: "answer streaming" });
    cell.append(sides[side]);
    place.append(cell);
  }
  return { turn, sides };
}

export function failed(error, answer) {
  answer?.classList.remove("streaming");
  const text = `${error.message} ${error.hint}`.trim();
  if (answer && !answer.textContent) answer.textContent = text;
  if (error.code !== "rate_limit_exceeded") return toast(text);
  document.getElementById("limit-text").textContent = text;
  return document.getElementById("limit").showModal();
}

function show(line, { turn, sides }, started) {
  if (line.conversation) started(line.conversation);
  if (line.text) sides[line.side].textContent += line.text;
  if (line.note) toast(line.note);
  if (line.html) swap(turn, line.html);
  if (line.error) failed(line.error, sides[line.side]);
}

// `started` is told the conversation's id; the thread follows the end unless the person scrolled up
export async function read(answer, parts, thread, started) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    const atEnd = thread.scrollHeight - thread.scrollTop - thread.clientHeight < 60;
    lines.filter(Boolean).forEach((line) => show(JSON.parse(line), parts, started));
    if (atEnd) thread.scrollTop = thread.scrollHeight;
  }
}
