/** The only way from this page to the bridge. An answer is what the bridge itself said; all else is "unreachable". */

import { after } from "./timers.js";

const DEADLINE = 15_000;

const csrfMeta = document.querySelector('meta[name="csrf-token"]');
let csrfToken = csrfMeta ? csrfMeta.content : "";
let ahead = 0;

/** Keep the session's CSRF token for the next requests and for the sign-out form. */
export function rememberCsrf(token) {
  csrfToken = token;
  const field = document.querySelector('#sign-out input[name="csrf_token"]');
  if (field) field.value = token;
}

/** Return the bridge's time in epoch seconds; this computer's clock may be wrong. */
export function serverNow() {
  return Date.now() / 1000 + ahead;
}

function isJson(response) {
  return /^application\/(problem\+)?json\b/.test(response.headers.get("Content-Type") ?? "");
}

async function read(response) {
  if (!isJson(response)) return { status: response.status < 500 ? 0 : response.status, body: {} };
  const said = Date.parse(response.headers.get("Date") ?? "");
  if (!Number.isNaN(said)) ahead = (said - Date.now()) / 1000;
  return { status: response.status, body: await response.json() };
}

function deadline(milliseconds) {
  const controller = new AbortController();
  after(milliseconds, () => controller.abort());
  return controller.signal;
}

/** Ask the bridge; resolves to {status, body}, with status 0 when nothing of the bridge's came back in time. */
export async function ask(method, url, patience = DEADLINE) {
  const headers = { Accept: "application/json" };
  if (method === "POST") headers["X-CSRF-Token"] = csrfToken;
  try {
    const signal = deadline(patience);
    const options = { method, headers, signal, credentials: "same-origin", cache: "no-store", redirect: "error" };
    return await read(await fetch(url, options));
  } catch {
    return { status: 0, body: {} };
  }
}

/* Refusals of a provider that mean "not now": RFC 6585 section 4, RFC 6749 section 4.1.2.1, RFC 8628 section 3.5. */
const NOT_NOW = new Set(["HTTP 429", "slow_down", "temporarily_unavailable", "server_error"]);

/** True if the same question may well be answered in a moment. */
export function isTemporary({ status, body }) {
  return status === 0 || status === 429 || status >= 500 || (body.code === "idp_error" && NOT_NOW.has(body.received));
}
