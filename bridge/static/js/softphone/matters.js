/** The notices about session, line and network, drawn from the keeper's state; during a call their words differ. */

import { isCallUp } from "./desk.js";
import { leave, reload } from "./guard.js";
import { notice, withdraw } from "./notices.js";
import { boot, say } from "./page.js";
import { wallClock } from "./times.js";

/** A button that leads to the sign-in; locked during a call. */
export function signIn(label = "sign_in") {
  return { label: say(label), run: () => leave(boot.login_url), leaves: true };
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

function drawTrouble({ isTroubled }) {
  const text = () => (navigator.onLine ? during("trouble") : say("trouble_offline"));
  put(isTroubled, "trouble", text, () => ({ tone: "wait" }));
}

function drawSession({ session }) {
  const isOver = session === "ended" || session === "other";
  const keys = { ended: "ended_in_call", other: "other_account_call" };
  const text = () => (isOver ? say(keys[session]) : during("login_required"));
  const options = () => ({ tone: isOver ? "stop" : "wait", action: session === "other" ? loadAnew() : signIn() });
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
  put(endsAt && session === "alive", "ending", text, () => ({ action: signIn("sign_in_again") }));
}

function drawRefusal({ refusal }, tryAgain) {
  const action = { label: say("try_again"), run: tryAgain };
  put(
    refusal,
    "refusal",
    () => say("refused_text", refusal),
    () => ({ tone: "stop", action }),
  );
}

/** Draw all notices; `tryAgain` renews the token. */
export function drawMatters(state, tryAgain) {
  drawTrouble(state);
  drawSession(state);
  drawLine(state);
  drawEnding(state);
  drawRefusal(state, tryAgain);
}
