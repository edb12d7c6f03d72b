/** Asks every 25 seconds, on waking and on coming back online, whether the session lives; sooner while in trouble. */

import { hurry } from "./patience.js";
import { lookUp } from "./session.js";
import { after } from "./timers.js";

const TICK = 5_000;
const BEAT = 25_000;
const SOONER = 5_000;
const SLEPT = 60_000;

let told = () => {};
let interval = BEAT;
let askedAt = 0;
let tickedAt = 0;
let isAsking = false;
let isWanted = false;
let isStopped = false;

async function beat() {
  isAsking = true;
  isWanted = false;
  askedAt = Date.now();
  const found = await lookUp();
  isAsking = false;
  if (isStopped) return;
  interval = found.outcome === "unreachable" ? SOONER : BEAT;
  told(found);
  if (isWanted) beat();
}

/** Look at the session now rather than at the next beat; if a look is under way, once more after it. */
export function lookNow() {
  isWanted = true;
  if (!isAsking && !isStopped) beat();
}

function wake() {
  hurry();
  lookNow();
}

/* Half a tick of grace, so that a beat is never late by a whole one. */
function isDue(now) {
  return Math.abs(now - askedAt) >= interval - TICK / 2;
}

function tick() {
  if (isStopped) return;
  after(TICK, tick);
  const now = Date.now();
  const hasSlept = Math.abs(now - tickedAt) > SLEPT;
  tickedAt = now;
  if (hasSlept) wake();
  else if (!isAsking && isDue(now)) beat();
}

/** Begin to beat; `hearer` is told each finding of `lookUp`. */
export function startBeating(hearer) {
  told = hearer;
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && wake());
  window.addEventListener("online", wake);
  window.addEventListener("pageshow", (event) => event.persisted && wake());
  tick();
}

/** Beat no more. */
export function stopBeating() {
  isStopped = true;
}
