/** Keeps the agent signed in: renews the token, heeds the beat, and closes the phone when the session is over.
 *
 * A call always comes first: what happens during one becomes a notice, and is acted on when the call is over.
 */

import { check } from "./checks.js";
import { changeAgent, isCallUp, onDesk } from "./desk.js";
import { startBeating, stopBeating } from "./heartbeat.js";
import { pause } from "./http.js";
import { drawMatters, loadAnew, signIn } from "./matters.js";
import { withdraw } from "./notices.js";
import { find, say } from "./page.js";
import { checkOut, isOnline, startPhone, stopPhone, updateToken } from "./phone.js";
import { isRenewalDue, renew } from "./session.js";
import { stage } from "./stage.js";
import { drawUntil } from "./view.js";

const SOON = 600;
const LOGIN_ERROR_PAUSE = 60_000;
const REPEATED_FOR = 11_000;
const QUIET = { isTroubled: false, isLineLost: false, isLoginRefused: false, endsAt: 0, refusal: null };
const CLOSINGS = {
  ended: () => stage("out", say("signed_out"), say("signed_out_text"), [signIn()]),
  other: () => stage("out", say("other_account"), say("other_account_text"), [loadAnew()]),
};

/* session: alive, login_required, ended or other (another account in this browser). */
const state = { ...QUIET, session: "alive", expiresAt: 0 };
let isClosing = false;
let isClosed = false;
let loginErrors = [];

function draw() {
  drawMatters(state, freshen);
  settle();
}

/** Take over new facts about session and line, and show what follows from them. */
export function keep(facts) {
  if (isClosed) return;
  Object.assign(state, facts);
  draw();
}

/** True while the phone's line is known to be lost. */
export function isLineLost() {
  return state.isLineLost;
}

/** True once the session is over: signed out, or another account took its place. */
export function isOver() {
  return state.session in CLOSINGS;
}

async function settle() {
  if (isClosing || isClosed || isCallUp() || !isOver()) return;
  isClosing = true;
  await checkOut(3000);
  isClosing = false;
  if (!isCallUp() && isOver()) close();
}

function close() {
  Object.assign(state, QUIET);
  isClosed = true;
  stopBeating();
  stopPhone();
  for (const id of ["session", "check-in", "second-window"]) withdraw(id);
  CLOSINGS[state.session]();
  drawUntil(0);
  changeAgent("off");
  check("phone", "bad", say("phone_off"));
  find("sign-out").hidden = true;
}

function trouble() {
  check("network", "warn", say(navigator.onLine ? "network_trouble" : "network_offline"));
  keep({ isTroubled: true });
}

function calm() {
  check("network", "good", say("network_good"));
  if (state.isTroubled) keep({ isTroubled: false });
}

async function freshToken() {
  const { outcome, token, code, reference } = await renew(trouble);
  if (outcome === "refused") keep({ refusal: { code, reference } });
  else if (outcome !== "token") keep({ session: outcome });
  else {
    calm();
    keep({ refusal: null, session: "alive" });
  }
  return token ?? "";
}

async function freshen() {
  const token = await freshToken();
  if (token && !isClosed) updateToken(token);
  lookNow();
}

function refuseLogin() {
  check("phone", "bad", say("phone_off"));
  keep({ isLoginRefused: isCallUp() });
  if (isCallUp()) return;
  stopPhone();
  changeAgent("off");
  stage("failed", say("login_error"), say("login_error_text"), [signIn("sign_in_again")]);
}

/* A phone that was online gets a second chance, after the bridge has stopped repeating its last answer. */
async function tokenAfterLoginError() {
  loginErrors = loginErrors.filter((instant) => instant > Date.now() - LOGIN_ERROR_PAUSE);
  loginErrors.push(Date.now());
  if (loginErrors.length === 1) return freshToken();
  if (loginErrors.length > 2 || !isOnline()) return "";
  await pause(REPEATED_FOR);
  return isOver() ? "" : freshToken();
}

/** The phone refused its token: a fresh one, and if that is refused as well, plain words. */
export async function renewAfterLoginError(told) {
  const token = await tokenAfterLoginError();
  if (isOver()) return;
  if (!token) refuseLogin();
  else if (!updateToken(token)) startPhone(token, told);
}

/** The phone's token expired. While only the person can help, the beat watches for a new sign-in instead. */
export function renewAfterExpiry() {
  if (state.session === "alive") freshen();
}

function heed({ outcome, known, serverTime }) {
  if (outcome === "unreachable") return trouble();
  calm();
  if (outcome !== "known") return keep({ session: outcome });
  drawUntil(known.session_expires_at);
  const isNewer = known.expires_at > state.expiresAt;
  const isSoon = known.session_expires_at - serverTime < SOON;
  keep({ endsAt: isSoon ? known.session_expires_at : 0, expiresAt: known.expires_at });
  const isBack = isOver() || (state.session === "login_required" && isNewer);
  return isBack || (state.session === "alive" && isRenewalDue(known, serverTime)) ? freshen() : undefined;
}

/** Look at the session now rather than at the next beat. */
export let lookNow = () => {};

/** Begin to watch over the session. */
export function keepSignedIn() {
  lookNow = startBeating(heed);
  window.addEventListener("offline", trouble);
  onDesk(draw);
}
