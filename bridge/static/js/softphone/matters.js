/** The notices about session, line and network, drawn from the keeper's state; during a call their words differ. */

import { keepFragment } from "../fragment.js";
import { isCallUp } from "./desk.js";
import { leave, reload } from "./guard.js";
import { keyEndsAt } from "./handover.js";
import { notice, withdraw } from "./notices.js";
import { boot, canSignIn, say } from "./page.js";
import { wallClock } from "./times.js";
import { causeOf, isKeyOver, matters } from "./trouble.js";

/* Back to the very address that is open now, which may be a deep link. */
function leaveForSignIn(address) {
  const here = window.location.pathname + window.location.search;
  const url = new URL(address, window.location.href);
  url.searchParams.set("next", here);
  keepFragment(here);
  leave(url.href);
}

function toSignIn(label, address) {
  return canSignIn ? { label: say(label), run: () => leaveForSignIn(address), leaves: true } : null;
}

/** A button that leads to the sign-in, locked during a call; null where the agent cannot sign in here. */
export function signIn(label = "sign_in") {
  return toSignIn(label, boot.login_url);
}

/* The person is known: the provider may not even need to ask. */
function signInSilently(label = "sign_in") {
  return toSignIn(label, boot.silent_login_url);
}

/** A button that loads the page anew; locked during a call. */
export function loadAnew(label = "reload") {
  return { label: say(label), run: reload, leaves: true };
}

function during(key) {
  return say(isCallUp() ? `${key}_call` : key);
}

function put(isWanted, id, text, options) {
  if (isWanted) notice(id, text(), options());
  else withdraw(id);
}

function outageWords(outage, until) {
  const words = `outage_${causeOf(outage.code)}`;
  if (isKeyOver()) return say(isCallUp() ? `${words}_over_call` : `${words}_over`, outage);
  return isCallUp() ? say(`${words}_call`) : say(words, { time: wallClock(Math.min(until, keyEndsAt())) });
}

function drawTrouble({ trouble, outage, until }) {
  const words = {
    network: () => (navigator.onLine ? during("trouble") : say("trouble_offline")),
    store: () => during("trouble_store"),
    "": () => outageWords(outage, until),
  };
  const options = () => ({ tone: "wait" });
  put(trouble || matters(outage), "trouble", words[trouble], options);
}

function drawSession({ session }) {
  const isOver = session === "ended" || session === "other";
  const keys = { ended: "ended_in_call", other: "other_account_call" };
  const text = () => (isOver ? say(keys[session]) : during("login_required"));
  const actions = { ended: signIn, other: loadAnew };
  const options = () => ({ tone: isOver ? "stop" : "wait", action: (actions[session] ?? signInSilently)() });
  put(session === "login_required" || (isOver && isCallUp()), "session", text, options);
}

function drawLine({ isLineLost, isLoginRefused }) {
  put(
    isLineLost,
    "line",
    () => during("given_up"),
    () => ({ tone: "stop", action: loadAnew() }),
  );
  put(
    isLoginRefused,
    "login-error",
    () => say("login_error_call"),
    () => ({ tone: "stop", action: signIn() }),
  );
}

function drawEnding({ endsAt, session }) {
  const text = () => say("ending_soon", { time: wallClock(endsAt) });
  put(endsAt && session === "alive", "ending", text, () => ({ action: signInSilently("sign_in_again") }));
}

function drawRefusal({ refusal }) {
  put(
    refusal,
    "refusal",
    () => say("refused_text", refusal),
    () => ({ tone: "stop", action: { label: say("try_again"), run: refusal.tryAgain } }),
  );
}

/** Draw all notices. */
export function drawMatters(state) {
  drawTrouble(state);
  drawSession(state);
  drawLine(state);
  drawEnding(state);
  drawRefusal(state);
}
