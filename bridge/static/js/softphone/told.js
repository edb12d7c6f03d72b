/** What the vendor's phone tells this page, and what the page does about it. */

import { check } from "./checks.js";
import { keep, kept } from "./keeper.js";
import { notice, withdraw } from "./notices.js";
import { say } from "./page.js";
import { checkIn } from "./phone.js";
import { renewAfterExpiry, renewAfterLoginError } from "./renewal.js";
import { clearStage } from "./stage.js";

function lineIsGood(words) {
  check("phone", "good", say(words));
  keep({ isLineLost: false, isLoginRefused: false });
}

function lineIsLost() {
  check("phone", "bad", say("phone_lost"));
  keep({ isLineLost: true });
}

function heard() {
  if (kept().isLineLost) lineIsGood("phone_back");
}

function online() {
  clearStage();
  lineIsGood("phone_good");
}

function checkInAgain() {
  withdraw("check-in");
  checkIn(told);
}

function offerCheckIn() {
  const action = { label: say("try_again"), run: checkInAgain };
  notice("check-in", say("check_in_failed"), { tone: "wait", action });
}

/** Who hears of what happens in the phone. */
export const told = {
  online,
  heard,
  reconnected: () => lineIsGood("phone_back"),
  lineLost: lineIsLost,
  tokenExpired: renewAfterExpiry,
  loginError: () => renewAfterLoginError(told),
  checkInFailed: offerCheckIn,
};
