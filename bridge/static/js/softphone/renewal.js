/** Fresh tokens for the phone: renewed here, or fetched after another window has renewed. */

import { check } from "./checks.js";
import { tell } from "./channel.js";
import { changeAgent, isCallUp } from "./desk.js";
import { handOver, noteExpiry, noteHeld, take } from "./handover.js";
import { lookNow } from "./heartbeat.js";
import { isOver, keep, kept } from "./keeper.js";
import { signIn } from "./matters.js";
import { say } from "./page.js";
import { pause } from "./patience.js";
import { isOnline, startPhone, stopPhone } from "./phone.js";
import { fetchToken, isRenewing, renew } from "./session.js";
import { stage } from "./stage.js";
import { causeOf, isBehind } from "./trouble.js";

const LOGIN_ERROR_PAUSE = 60_000;
const REPEATED_FOR = 11_000;

let fetching = null;
let loginErrors = [];

/** The bridge cannot be asked: `code` is its own word for why, empty where it said nothing. */
export function troubled(code) {
  const cause = causeOf(code);
  const isOurs = cause === "network";
  const words = navigator.onLine ? "network_trouble" : "network_offline";
  check("network", isOurs ? "warn" : "good", say(isOurs ? words : "network_good"));
  keep({ trouble: cause });
}

/** The bridge answers again. */
export function calm() {
  check("network", "good", say("network_good"));
  if (kept().trouble) keep({ trouble: "" });
}

function failed(outage) {
  if (!isBehind(outage.code)) return troubled(outage.code);
  calm();
  keep({ outage });
  return tell("outage", outage);
}

function judge(found) {
  const { outcome, code, reference } = found;
  if (outcome === "refused") keep({ outage: null, refusal: { code, reference, tryAgain: freshen } });
  else if (outcome !== "token") keep({ outage: null, session: outcome });
  else {
    calm();
    keep({ outage: null, refusal: null, session: "alive" });
  }
  return outcome === "token" && !isOver() ? found : null;
}

async function freshToken() {
  const fresh = judge(await renew(failed));
  if (fresh) tell("renewed");
  return fresh;
}

/** Renew, and hand the phone what comes of it. */
export async function freshen() {
  const fresh = await freshToken();
  if (fresh) take(fresh);
  lookNow();
}

async function fetchOnce() {
  const fresh = judge(await fetchToken(failed));
  if (fresh) take(fresh);
}

/** Fetch the token that the session has by now; once, however often it is asked for meanwhile. */
export function fetchFresh() {
  fetching ??= fetchOnce().finally(() => {
    fetching = null;
  });
  return fetching;
}

/** The phone's token expired. While only the person can help, the beat watches for a new sign-in instead. */
export function renewAfterExpiry() {
  noteExpiry();
  if (!handOver() && kept().session === "alive" && !isRenewing()) freshen();
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
  if (loginErrors.length > 2 || !isOnline()) return null;
  await pause(REPEATED_FOR);
  return isOver() ? null : freshToken();
}

/** The phone refused its token: a fresh one, and if that is refused as well, plain words. */
export async function renewAfterLoginError(told) {
  noteExpiry();
  const fresh = await tokenAfterLoginError();
  if (isOver()) return;
  if (!fresh) refuseLogin();
  else if (isOnline()) take(fresh);
  else {
    startPhone(fresh.token, told);
    noteHeld(fresh);
  }
}
