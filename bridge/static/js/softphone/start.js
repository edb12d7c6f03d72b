/** Starts the phone: the vendor's software and the token side by side, then the phone itself. */

import { check } from "./checks.js";
import { changeAgent } from "./desk.js";
import { noteHeld } from "./handover.js";
import { isOver, keep } from "./keeper.js";
import { loadAnew } from "./matters.js";
import { notice } from "./notices.js";
import { say } from "./page.js";
import { startPhone } from "./phone.js";
import { loadSdk, loadStyles } from "./sdk.js";
import { fetchToken } from "./session.js";
import { isStarting, stage } from "./stage.js";
import { told } from "./told.js";

const PATIENCE = 15_000;

function fail(reason, values) {
  changeAgent("off");
  check("phone", "bad", say("phone_off"));
  stage("failed", say(reason), say(`${reason}_text`, values), [loadAnew("try_again")]);
}

function stillLoading(host) {
  if (!isOver()) stage("starting", say("starting"), say("slow_text", { host }));
}

function stillAsking({ tries }) {
  if (!isOver() && tries > 1) stage("starting", say("starting"), say("starting_waiting"));
}

function missStyles(host) {
  notice("styles", say("styles_missing", { host }));
}

/* From now on the vendor's own words may help: the stage no longer covers them. */
function stillConnecting() {
  if (!isOver() && isStarting()) stage("waiting", say("starting"), say("starting_waiting"));
}

function render({ token, endsAt }) {
  try {
    startPhone(token, told);
    noteHeld({ token, endsAt });
    setTimeout(stillConnecting, PATIENCE);
  } catch {
    fail("sdk_incomplete", { host: window.location.host });
  }
}

function begin(found) {
  const { outcome, code, reference } = found;
  if (outcome === "token") render(found);
  else if (outcome === "refused") fail("refused", { code, reference });
  else keep({ session: outcome === "other" ? "other" : "ended" });
}

/** Bring the phone up, or say in plain words why it cannot be brought up. */
export async function start() {
  const asked = fetchToken(stillAsking);
  loadStyles(missStyles);
  const { failed, last } = await loadSdk(stillLoading);
  if (isOver()) return;
  if (failed) return fail("sdk_unreachable", { host: failed });
  if (!window.HotlineClientUi) return fail("sdk_incomplete", { host: last });
  const answer = await asked;
  if (!isOver()) begin(answer);
}
