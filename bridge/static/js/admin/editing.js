/** The connection form: only what the chosen mode needs, the addresses to register while they are typed, and discovery. */

const PAUSE = 600;
const form = document.querySelector("[data-edit]");
const panel = form.querySelector("[data-discovery]");
const first = form.dataset.first.split(" ").filter(Boolean);

// Only what is needed -------------------------------------------------------------------------------------------------

function hasFault(group) {
  return group.querySelector("[aria-invalid]") !== null;
}

function showModes() {
  const chosen = form.elements.mode.value;
  for (const group of form.querySelectorAll("[data-modes]")) {
    group.hidden = !group.dataset.modes.split(" ").includes(chosen) && !hasFault(group);
    const legend = group.querySelector("[data-modes-legend]");
    if (legend) legend.hidden = true;
  }
}

function showTenants() {
  const group = form.querySelector("[data-tenants]");
  if (!group) return;
  const tenant = form.elements.idp_tenant.value.trim().toLowerCase();
  const isNeeded = group.dataset.tenants.split(" ").includes(tenant);
  group.hidden = !isNeeded && !form.elements.idp_allowed_tenants.value && !hasFault(group);
}

function showMapping() {
  const note = form.querySelector("[data-mutable]");
  if (!note) return;
  note.hidden = !note.dataset.mutable.split(" ").includes(form.elements.mapping_field.value.trim());
}

// The redirect URI ----------------------------------------------------------------------------------------------------

function showRedirects() {
  for (const box of form.querySelectorAll("[data-redirect]")) {
    const source = form.elements[box.dataset.redirectFrom];
    // A kept connection's name stays as it is, and has no input.
    if (source) showRedirect(box, source.value.trim());
  }
}

function showRedirect(box, typed) {
  box.hidden = !typed && !box.dataset.redirectEmpty;
  box.querySelector("[data-redirect-copy]").disabled = !typed;
  box.querySelector("[data-redirect-value]").textContent = box.dataset.redirect + (typed || box.dataset.redirectEmpty);
}

async function copyRedirect(button) {
  const box = button.closest("[data-redirect]");
  const value = box.querySelector("[data-redirect-value]");
  try {
    await navigator.clipboard.writeText(value.textContent);
  } catch {
    window.getSelection().selectAllChildren(value);
    document.execCommand("copy");
  }
  button.querySelector("[data-redirect-word]").textContent = button.dataset.copied;
  box.querySelector("[data-redirect-status]").textContent = button.dataset.copied;
}

// Discovery -----------------------------------------------------------------------------------------------------------

let timer = 0;
let asking = new AbortController();

function element(name, className, ...children) {
  const made = document.createElement(name);
  made.className = className;
  made.append(...children);
  return made;
}

function icon(name) {
  return form.querySelector(`template[data-icon="${name}"]`).content.cloneNode(true);
}

function typed() {
  const asked = { kind: form.dataset.kind };
  for (const input of form.querySelectorAll("input, select")) {
    const isText = input.type !== "password" && input.type !== "hidden" && input.type !== "checkbox";
    if (input.name && isText && (input.type !== "radio" || input.checked)) asked[input.name] = input.value;
  }
  if (form.dataset.connection) {
    asked.connection = form.dataset.connection;
    asked.based_on = form.elements.based_on.value;
  }
  return asked;
}

function showAtFields(told, className, name) {
  for (const [fieldName, sentences] of Object.entries(told)) {
    const place = form.querySelector(`[data-live="${fieldName}"]`);
    // What the sent form was refused for stands there already.
    const news = sentences.filter((sentence) => place && !place.parentElement.textContent.includes(sentence));
    for (const sentence of news) {
      place.append(element("p", className, icon(name), element("span", "", sentence)));
    }
  }
}

function pairs(facts) {
  const list = element("dl", "hb-edit-facts");
  for (const { label, value } of facts) {
    list.append(element("div", "", element("dt", "", label), element("dd", "", value)));
  }
  return list;
}

function suggestion({ field, value }) {
  const button = element("button", "hb-button hb-button-plain hb-button-small", panel.dataset.use);
  button.type = "button";
  button.addEventListener("click", () => {
    form.elements[field].value = value;
    form.elements[field].focus();
    discover();
  });
  return button;
}

function show(answer) {
  for (const place of form.querySelectorAll("[data-live]")) place.replaceChildren();
  showAtFields(answer.faults, "hb-edit-fault", "stop");
  showAtFields(answer.warnings, "hb-edit-warning", "note");
  panel.replaceChildren();
  panel.hidden = !answer.title;
  if (!answer.title) return;
  panel.dataset.state = answer.found ? "good" : "stop";
  panel.append(element("p", "hb-edit-found", icon(answer.found ? "good" : "stop"), element("strong", "", answer.title)));
  if (answer.found) {
    panel.append(pairs(answer.facts));
    return;
  }
  const compared = [
    { label: panel.dataset.expected, value: answer.expected },
    { label: panel.dataset.received, value: answer.received },
  ];
  panel.append(pairs(compared.filter(({ value }) => value)), element("p", "hb-edit-advice", answer.advice));
  if (answer.suggestion) panel.append(suggestion(answer.suggestion));
}

function say(sentence) {
  panel.hidden = false;
  panel.dataset.state = "asking";
  panel.replaceChildren(element("p", "hb-edit-asking", sentence));
}

async function ask(signal) {
  const answer = await fetch(form.dataset.discover, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRF-Token": form.elements.csrf_token.value },
    body: JSON.stringify(typed()),
    signal,
  });
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
  return answer.json();
}

async function discover() {
  asking.abort();
  asking = new AbortController();
  const { signal } = asking;
  if (!first.every((name) => form.elements[name].value.trim())) {
    show({ faults: {}, warnings: {} });
    return;
  }
  if (panel.hidden) say(panel.dataset.asking);
  try {
    const answer = await ask(signal);
    if (!signal.aborted) show(answer);
  } catch {
    if (!signal.aborted) say(panel.dataset.broken);
  }
}

function discoverSoon() {
  window.clearTimeout(timer);
  timer = window.setTimeout(discover, PAUSE);
}

function concernsDiscovery(input) {
  const aside = ["idp_client_id", "idp_client_secret", "idp_client_secret_expires"];
  return (input.name.startsWith("idp_") && !aside.includes(input.name)) || ["mapping_field", "mode"].includes(input.name);
}

// A sign-in in another tab gives this browser a new session, whose token this form does not have yet.
async function renewToken() {
  if (document.visibilityState !== "visible") return;
  try {
    const answer = await fetch(form.dataset.page, { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const token = answer.redirected ? "" : page.querySelector('meta[name="csrf-token"]')?.content;
    if (token) form.elements.csrf_token.value = token;
  } catch {
    // Without an answer the form stays as it was; sending it tells the rest.
  }
}

form.addEventListener("input", ({ target }) => {
  showModes();
  showTenants();
  showMapping();
  showRedirects();
  if (panel && concernsDiscovery(target)) discoverSoon();
});
for (const button of form.querySelectorAll("[data-redirect-copy]")) {
  button.hidden = false;
  button.addEventListener("click", () => copyRedirect(button));
}
document.addEventListener("visibilitychange", renewToken);
showModes();
showTenants();
showMapping();
showRedirects();
if (panel && first.every((name) => form.elements[name].value.trim())) discoverSoon();
