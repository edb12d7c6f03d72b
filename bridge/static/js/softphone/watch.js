/** Keeps the agent signed in: heeds the beat and the other windows, and sees to it that one of them renews in time. */

import { hear, tell } from "./channel.js";
import { handOver, isOutdone, watchCalls } from "./handover.js";
import { lookNow, startBeating } from "./heartbeat.js";
import { serverNow } from "./http.js";
import { isOver, keep, kept, showMatters } from "./keeper.js";
import { isLeader, standForLeader } from "./leader.js";
import { calm, fetchFresh, freshen, troubled } from "./renewal.js";
import { isRenewing, overdue } from "./session.js";
import { after } from "./timers.js";
import { isBehind } from "./trouble.js";
import { drawUntil } from "./view.js";

const SOON = 600;
const LEADER_MAY_TAKE = 60;
const HEARD_OF_FOR = 90_000;
const SPREAD = 1_000;
/* A sign-in or sign-out that another window tells of is still on its way; the bridge may take a while over it. */
const CHANGES_TAKE = [1_000, 5_000];

let triedElsewhere = -Infinity;

/* The leader renews; another window only if the leader seems to be asleep. After a refusal the person decides. */
function isMine(known) {
  const late = overdue(known);
  if (late < 0 || isRenewing() || kept().session !== "alive" || kept().refusal) return false;
  return isLeader() || (late >= LEADER_MAY_TAKE && Date.now() - triedElsewhere > HEARD_OF_FOR);
}

function follow(known, isNewer) {
  const isBack = isOver() || (kept().session === "login_required" && isNewer);
  if (isBack || isOutdone(known.expires_at)) return fetchFresh();
  return isMine(known) ? freshen() : handOver();
}

function heedEnd(session) {
  if (!isOver()) tell("look");
  drawUntil(0);
  keep({ session });
}

function heed({ outcome, known, code }) {
  if (outcome === "unreachable") return troubled(code);
  calm();
  if (outcome !== "known") return heedEnd(outcome);
  // A replica of the release before does not know until when.
  const { signed_in_until: until = known.session_expires_at, expires_at: expiresAt } = known;
  const isNewer = expiresAt > kept().expiresAt;
  const isWell = overdue(known) < 0 && !isRenewing();
  drawUntil(until);
  keep({ until, expiresAt, endsAt: until - serverNow() < SOON ? until : 0 });
  if (isWell) keep({ outage: null });
  return follow(known, isNewer);
}

function hearOutage({ tries, code, reference }) {
  triedElsewhere = Date.now();
  if (!isOver() && !isRenewing() && isBehind(String(code))) keep({ outage: { tries, code, reference } });
}

function hearRenewed() {
  lookNow();
  if (kept().session === "alive") fetchFresh();
}

function hearOthers() {
  hear("look", () => CHANGES_TAKE.forEach((pause) => after(pause, lookNow)));
  hear("renewed", () => after(Math.random() * SPREAD, hearRenewed));
  hear("outage", hearOutage);
}

/** Begin to watch over the session. */
export function keepSignedIn() {
  showMatters();
  watchCalls();
  hearOthers();
  startBeating(heed);
  standForLeader(lookNow);
  window.addEventListener("offline", () => troubled(""));
}
