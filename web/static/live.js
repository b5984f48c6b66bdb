// Fragments without a page load: `data-live` forms and links, `data-search` forms, `data-poll` elements.
// A fragment replaces the element that `data-target` names, else the nearest [data-swap].

export function toast(text) {
  const box = document.getElementById("toast");
  box.textContent = text;
  box.hidden = false;
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => { box.hidden = true; }, 6000);
}

export async function fragment(url, options = {}) {
  const answer = await fetch(url, { ...options, headers: { "X-Fragment": "1" } });
  const text = await answer.text();
  if (answer.redirected || signedOut(answer)) {
    if (answer.redirected) location.assign(answer.url);
    return null;
  }
  if (!answer.ok) throw new Error(messageIn(text, answer));
  if (answer.headers.has("x-reload")) {
    location.reload();
    return null;
  }
  return text;
}

// the session has ended: the whole page goes to sign in, and comes back
export function signedOut(answer) {
  if (answer.status !== 401) return false;
  location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
  return true;
}

export function messageIn(text, answer) {
  if ((answer.headers.get("content-type") || "").includes("json")) {
    const { error = {} } = JSON.parse(text);
    return [error.message, error.hint].filter(Boolean).join(" ") || "That did not work.";
  }
  const page = new DOMParser().parseFromString(text, "text/html");
  return page.querySelector("[data-error]")?.textContent.trim().replace(/\s+/g, " ") || "That did not work.";
}

export function swap(target, html) {
  const made = document.createElement("template");
  made.innerHTML = html.trim();
  const fresh = made.content.firstElementChild;
  const within = target.contains(document.activeElement) ? document.activeElement : null;
  target.replaceWith(made.content);
  if (!within || !fresh) return;
  // keep the keyboard where it was
  const same = within.dataset.key && fresh.querySelector(`[data-key="${within.dataset.key}"]`);
  const next = same || fresh.querySelector("a[href], button, input");
  if (next) next.focus({ preventScroll: true });
}

function targetOf(element) {
  const named = element.dataset.target;
  return named ? document.querySelector(named) : element.closest("[data-swap]");
}

export function confirmed(text, verb = "Delete") {
  const box = document.getElementById("confirm");
  document.getElementById("confirm-text").textContent = text;
  document.getElementById("confirm-yes").textContent = verb;
  box.returnValue = "no";
  box.showModal();
  return new Promise((decide) => {
    box.addEventListener("close", () => decide(box.returnValue === "yes"), { once: true });
  });
}

async function send(form, button) {
  if (form.dataset.confirm && !(await confirmed(form.dataset.confirm, form.dataset.verb))) return;
  const target = targetOf(form);
  const data = new FormData(form, button);
  const read = form.method === "get";
  const url = read ? `${form.action}?${new URLSearchParams(data)}` : form.action;
  form.querySelectorAll("button").forEach((one) => { one.disabled = true; });
  try {
    const html = await fragment(url, read ? {} : { method: "POST", body: data });
    if (html !== null && target.isConnected) swap(target, html);
    if (form.dataset.said) toast(form.dataset.said);
  } catch (error) {
    toast(error.message);
  } finally {
    form.querySelectorAll("button").forEach((one) => { one.disabled = false; });
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-live], [data-search]")) return;
  event.preventDefault();
  send(form, event.submitter);
});

let typing;
document.addEventListener("input", (event) => {
  const form = event.target.closest("[data-search], [data-hint]");
  if (!form) return;
  clearTimeout(typing);
  typing = setTimeout(() => (form.dataset.hint ? hint(form) : form.requestSubmit()), 200);
});

async function hint(field) {
  const data = new FormData();
  data.set("use_case", field.querySelector("textarea").value);
  const html = await fragment(field.dataset.hint, { method: "POST", body: data }).catch(() => null);
  if (html !== null) swap(document.querySelector(field.dataset.target), html);
}

async function poll(element) {
  const busy = element.querySelector("details[open], form:not([hidden]) input:focus");
  if (document.hidden || busy || Date.now() < Number(element.dataset.due || 0)) return;
  element.dataset.due = Date.now() + 1000 * Number(element.dataset.every || 2);
  try {
    const html = await fragment(element.dataset.poll);
    if (html !== null && element.isConnected && !element.querySelector("details[open]")) swap(element, html);
  } catch {
    element.dataset.due = Date.now() + 15000; // the server is away; ask less often
  }
}

for (const element of document.querySelectorAll("[data-poll]")) element.dataset.due = Date.now() + 2000;
// what may take a while is asked for once the page is there
for (const element of document.querySelectorAll("[data-load]")) {
  fragment(element.dataset.load).then((html) => html !== null && swap(element, html), (error) => toast(error.message));
}
// nothing is asked while no element carries a poll
setInterval(() => document.querySelectorAll("[data-poll]").forEach(poll), 500);
