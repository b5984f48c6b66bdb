// Files by drag and drop or by the picker: each is sent at once and becomes a line of the form.
import { fragment, messageIn, toast } from "./live.js";

const form = document.getElementById("create");
const data = document.getElementById("files");
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

// XMLHttpRequest, as fetch does not tell how much was sent
function send(file, drop) {
  const { line, bar } = lineFor(file, document.querySelector(drop.dataset.list));
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
    line.remove();
    const type = request.getResponseHeader("content-type") || "";
    const said = request.status ? messageIn(request.responseText, { headers: { get: () => type } }) : "The connection was lost.";
    toast(`${file.name}: ${said}`);
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

form.addEventListener("submit", (event) => {
  const given = data.querySelector("input[name=files]") || document.getElementById("uris")?.value.trim();
  if (sending || !given) {
    event.preventDefault();
    toast(sending ? "Wait until the files are there." : "Add a file first.");
  }
});
