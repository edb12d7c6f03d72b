/** What the server wrote into the page: start values and words. */

function read(id) {
  return JSON.parse(document.getElementById(id).textContent);
}

const words = read("texts");

/** The values the phone starts from; never the token. */
export const boot = read("boot");

/** Return the element with this id. */
export function find(id) {
  return document.getElementById(id);
}

/** True if the agent can sign in here; else only the platform's own software opens the phone again. */
export const canSignIn = boot.login_url !== "";

/** Return a text in the reader's language, with its {names} filled in. */
export function say(key, values = {}) {
  const text = (!canSignIn && words[`${key}_platform`]) || words[key];
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

/** Read a sentence out to people who use a screen reader; `now` interrupts what is being read. */
export function announce(sentence, { now = false } = {}) {
  find(now ? "said-now" : "said").textContent = sentence;
}
