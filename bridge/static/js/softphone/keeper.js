/** Knows how session, line and token stand, shows it, and closes the phone when the session is over.
 *
 * A call always comes first: what happens during one becomes a notice, and is acted on when the call is over.
 */

import { check } from "./checks.js";
import { changeAgent, isCallUp, onDesk } from "./desk.js";
import { stopBeating } from "./heartbeat.js";
import { resign } from "./leader.js";
import { drawMatters, loadAnew, signIn } from "./matters.js";
import { withdraw } from "./notices.js";
import { boot, find, say } from "./page.js";
import { checkOut, stopPhone } from "./phone.js";
import { stage } from "./stage.js";
import { drawUntil } from "./view.js";

const QUIET = { trouble: "", outage: null, isLineLost: false, isLoginRefused: false, endsAt: 0, refusal: null };
const CLOSINGS = {
  ended: () => stage("out", say("signed_out"), say("signed_out_text"), [signIn()]),
  other: () => stage("out", say("other_account"), say("other_account_text"), [loadAnew()]),
};

/* session: alive, login_required, ended or other (another account in this browser). trouble: network or store, which
   keep this page from the session; outage: {tries, code, reference} of a renewal that fails behind the bridge. */
const state = { ...QUIET, session: "alive", expiresAt: 0, until: boot.signed_in_until };
let isClosing = false;
let isClosed = false;

function draw() {
  drawMatters(state);
  settle();
}

/** Take over new facts about session, line and token, and show what follows from them. */
export function keep(facts) {
  if (isClosed) return;
  Object.assign(state, facts);
  draw();
}

/** Return what is known; nobody but `keep` changes it. */
export function kept() {
  return state;
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
  resign();
  stopPhone();
  for (const id of ["session", "check-in", "second-window"]) withdraw(id);
  CLOSINGS[state.session]();
  drawUntil(0);
  changeAgent("off");
  check("phone", "bad", say("phone_off"));
  find("sign-out").hidden = true;
}

/** Begin to show how things stand. */
export function showMatters() {
  onDesk(draw);
}
