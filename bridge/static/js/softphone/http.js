/** The only way from this page to the bridge. An answer is what the bridge itself said; all else is "unreachable". */

const DEADLINE = 15_000;

const csrfMeta = document.querySelector('meta[name="csrf-token"]');
let csrfToken = csrfMeta ? csrfMeta.content : "";

/** Keep the session's CSRF token for the next requests and for the sign-out form. */
export function rememberCsrf(token) {
  csrfToken = token;
  const field = document.querySelector('#sign-out input[name="csrf_token"]');
  if (field) field.value = token;
}

function isJson(response) {
  return /^application\/(problem\+)?json\b/.test(response.headers.get("Content-Type") ?? "");
}

async function read(response) {
  if (!isJson(response)) return { status: response.status < 500 ? 0 : response.status, body: {} };
  const said = Date.parse(response.headers.get("Date") ?? "");
  const serverTime = (Number.isNaN(said) ? Date.now() : said) / 1000;
  return { status: response.status, body: await response.json(), serverTime };
}

function deadline() {
  const controller = new AbortController();
  setTimeout(() => controller.abort(), DEADLINE);
  return controller.signal;
}

/** Ask the bridge; resolves to {status, body, serverTime}, with status 0 when nothing of the bridge's came back. */
export async function ask(method, url) {
  const headers = { Accept: "application/json" };
  if (method === "POST") headers["X-CSRF-Token"] = csrfToken;
  try {
    const signal = deadline();
    const options = { method, headers, signal, credentials: "same-origin", cache: "no-store", redirect: "error" };
    return await read(await fetch(url, options));
  } catch {
    return { status: 0, body: {} };
  }
}

/** True if the same question may well be answered in a moment. */
export function isTemporary(answer) {
  return answer.status === 0 || answer.status === 429 || answer.status >= 500;
}

/** Resolve after so many milliseconds. */
export function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Return how long to wait after so many tries: 1, 2, 4 … 30 seconds, spread so that pages do not march in step. */
export function patience(tries) {
  return Math.min(30_000, 1000 * 2 ** tries) * (0.75 + Math.random() / 2);
}
