// Small manners: copy buttons, menus that close, parts that show, tabs.
import { confirmed, toast } from "./live.js";

document.addEventListener("click", async (event) => {
  const copied = event.target.closest("[data-copy], [data-copy-from]");
  if (copied) {
    const from = copied.dataset.copyFrom;
    const text = from ? document.querySelector(from).innerText : copied.dataset.copy;
    await copyText(text);
    toast("Copied.");
  }
  const shower = event.target.closest("[data-show]");
  if (shower) show(shower);
  const tab = event.target.closest("[role=tab]");
  if (tab) choose(tab);
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target) || event.target.closest(".menu button[data-show], .menu a")) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    const menu = document.querySelector("details.menu[open]");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
    const shown = event.target.closest("form[data-cancellable]");
    if (shown) shown.querySelector("[data-show]")?.click();
  }
  const tab = event.target.closest?.("[role=tab]");
  if (tab && ["ArrowLeft", "ArrowRight"].includes(event.key)) {
    const tabs = [...tab.parentElement.querySelectorAll("[role=tab]")];
    const next = tabs.at((tabs.indexOf(tab) + (event.key === "ArrowRight" ? 1 : -1)) % tabs.length);
    choose(next);
    next.focus();
  }
});

export async function copyText(text) {
  // plain http to another machine has no clipboard API, and a person may forbid it
  const written = await navigator.clipboard?.writeText(text).then(() => true, () => false);
  if (written) return;
  const field = Object.assign(document.createElement("textarea"), { value: text });
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
}

// `data-show="#a #b"` shows what is hidden of these and hides what is shown
function show(button) {
  const parts = button.dataset.show.split(" ").map((name) => document.querySelector(name));
  for (const part of parts) part.hidden = !part.hidden;
  const field = parts.find((part) => !part.hidden)?.querySelector("input:not([type=hidden]), textarea");
  if (field) {
    field.focus();
    if (field.select) field.select();
  }
  if (button.hasAttribute("aria-expanded")) button.setAttribute("aria-expanded", String(!parts[0].hidden));
}

function choose(tab) {
  for (const one of tab.parentElement.querySelectorAll("[role=tab]")) {
    const chosen = one === tab;
    one.setAttribute("aria-selected", String(chosen));
    one.tabIndex = chosen ? 0 : -1;
    document.getElementById(one.getAttribute("aria-controls")).hidden = !chosen;
  }
}

// what a form's answer shows once is asked for no second time by loading the page anew
const shownAt = document.querySelector("[data-address]");
if (shownAt) history.replaceState(null, "", shownAt.dataset.address);

// a plain form that asks first
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.dataset.ask) return;
  event.preventDefault();
  if (await confirmed(form.dataset.ask, form.dataset.verb)) form.submit();
});
