/** The session behind the phone: whether it lives, its token, and its renewal (one at a time). */

import { ask, isTemporary, rememberCsrf, serverNow } from "./http.js";
import { boot } from "./page.js";
import { pause, rest } from "./patience.js";

const MANY = 3;
const SLOWER = 15_000;
const RENEWAL_TAKES = 60_000;

let flight = null;
let renewals = [];
let latest = { expires_at: 0 };

/** True if the session of this browser is still that of the person for whom this page was made. */
export function isOurs(known) {
  return known.account_name === boot.account_name && known.connection === boot.connection;
}

/** Ask who is signed in; resolves to {outcome: "known" | "ended" | "other" | "unreachable", known, code}. */
export async function lookUp() {
  const { status, body } = await ask("GET", boot.session_url);
  if (status === 401) return { outcome: "ended" };
  if (status !== 200) return { outcome: "unreachable", code: body.code ?? "" };
  if (!isOurs(body)) return { outcome: "other" };
  if (body.csrf_token) rememberCsrf(body.csrf_token);
  latest = body;
  return { outcome: "known", known: body };
}

/** POST, and once more with the session's present CSRF token if the page's own had grown old. */
async function post(url) {
  const answer = await ask("POST", url, RENEWAL_TAKES);
  if (answer.status !== 403 || answer.body.code !== "csrf_failed") return answer;
  const { outcome } = await lookUp();
  if (outcome === "known") return ask("POST", url, RENEWAL_TAKES);
  return { ...answer, outcome };
}

function judge(answer) {
  const { status, body } = answer;
  if (status === 200 && body.access_token) {
    return { outcome: "token", token: body.access_token, endsAt: serverNow() + body.expires_in };
  }
  if (status === 401 && body.code === "login_required") return { outcome: "login_required" };
  if (status === 401) return { outcome: "ended" };
  if (answer.outcome === "other" || answer.outcome === "ended") return { outcome: answer.outcome };
  return { outcome: "refused", code: body.code ?? String(status), reference: body.reference ?? "–" };
}

async function insist(choose, waiting) {
  for (let tries = 1; ; tries += 1) {
    const answer = await post(choose());
    if (!isTemporary(answer) && answer.outcome !== "unreachable") return judge(answer);
    waiting({ tries, code: answer.body.code ?? "", reference: answer.body.reference ?? "–" });
    await rest(tries - 1);
  }
}

/** Fetch the phone's token; keeps asking through outages, and tells `waiting({tries, code, reference})` each time. */
export function fetchToken(waiting) {
  return insist(() => boot.token_url, waiting);
}

/* What another tab has renewed between two tries needs no second renewal. */
async function renewInTime(waiting) {
  renewals = renewals.filter((instant) => instant > Date.now() - 60_000);
  if (renewals.length >= MANY) await pause(SLOWER);
  renewals.push(Date.now());
  const before = latest.expires_at;
  const isDone = () => before && latest.expires_at !== before;
  return insist(() => (isDone() ? boot.token_url : boot.renew_url), waiting);
}

/** Renew the token; whoever asks while a renewal is under way gets its result. */
export function renew(waiting) {
  flight ??= renewInTime(waiting).finally(() => {
    flight = null;
  });
  return flight;
}

/** True while a renewal is under way. */
export function isRenewing() {
  return flight !== null;
}

/** Return for how many seconds a renewal has been due; below zero: not yet, or there is nothing to renew. */
export function overdue(known) {
  return known.renew_at ? serverNow() - known.renew_at : -1;
}
