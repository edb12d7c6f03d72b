/** The session behind the phone: its token, its renewal (one at a time), and the beat that asks whether it lives. */

import { ask, isTemporary, patience, pause, rememberCsrf } from "./http.js";
import { boot } from "./page.js";

const RENEW_BEFORE = 180;
const MANY = 3;
const SLOWER = 15_000;

let flight = null;
let renewals = [];
let renewedFor = 0;

/** True if the session of this browser is still that of the person for whom this page was made. */
export function isOurs(known) {
  return known.account_name === boot.account_name && known.connection === boot.connection;
}

/** Ask who is signed in; resolves to {outcome: "known" | "ended" | "other" | "unreachable", known, serverTime}. */
export async function lookUp() {
  const { status, body, serverTime } = await ask("GET", boot.session_url);
  if (status === 401) return { outcome: "ended" };
  if (status !== 200) return { outcome: "unreachable" };
  if (!isOurs(body)) return { outcome: "other" };
  if (body.csrf_token) rememberCsrf(body.csrf_token);
  return { outcome: "known", known: body, serverTime };
}

/** POST, and once more with the session's present CSRF token if the page's own had grown old. */
async function post(url) {
  const answer = await ask("POST", url);
  if (answer.status !== 403 || answer.body.code !== "csrf_failed") return answer;
  const { outcome } = await lookUp();
  if (outcome === "known") return ask("POST", url);
  return { ...answer, outcome };
}

function judge(answer) {
  const { status, body } = answer;
  if (status === 200 && body.access_token) return { outcome: "token", token: body.access_token };
  if (status === 401 && body.code === "login_required") return { outcome: "login_required" };
  if (status === 401) return { outcome: "ended" };
  if (answer.outcome === "other" || answer.outcome === "ended") return { outcome: answer.outcome };
  return { outcome: "refused", code: body.code ?? String(status), reference: body.reference ?? "–" };
}

async function insist(url, waiting) {
  for (let tries = 0; ; tries += 1) {
    const answer = await post(url);
    const isFinal = !isTemporary(answer) || (answer.status === 502 && answer.body.code && tries >= 2);
    if (isFinal && answer.outcome !== "unreachable") return judge(answer);
    waiting(tries);
    await pause(patience(tries));
  }
}

/** Fetch the phone's token; keeps asking through outages, and tells `waiting(tries)` each time it has to. */
export function fetchToken(waiting) {
  return insist(boot.token_url, waiting);
}

async function renewInTime(waiting) {
  renewals = renewals.filter((instant) => instant > Date.now() - 60_000);
  if (renewals.length >= MANY) await pause(SLOWER);
  renewals.push(Date.now());
  return insist(boot.renew_url, waiting);
}

/** Renew the token; whoever asks while a renewal is under way gets its result. */
export function renew(waiting) {
  flight ??= renewInTime(waiting).finally(() => {
    flight = null;
  });
  return flight;
}

/** True once per expiry when the token has three minutes left (half a minute more or less), so renewal comes early. */
export function isRenewalDue(known, serverTime) {
  const spread = RENEW_BEFORE + (Math.random() - 0.5) * 60;
  if (!known.expires_at || known.expires_at - serverTime > spread) return false;
  if (known.expires_at >= known.session_expires_at || renewedFor === known.expires_at) return false;
  renewedFor = known.expires_at;
  return true;
}
