/** Asks every 25 seconds, on waking and on coming back online, whether the session lives; sooner while in trouble. */

import { lookUp } from "./session.js";

const BEAT = 25_000;
const SOONER = 5_000;

let timer = 0;
let isAsking = false;
let isStopped = false;

async function beat(told) {
  if (isAsking || isStopped) return;
  isAsking = true;
  clearTimeout(timer);
  const found = await lookUp();
  isAsking = false;
  if (isStopped) return;
  timer = setTimeout(() => beat(told), found.outcome === "unreachable" ? SOONER : BEAT);
  told(found);
}

/** Begin to beat; `told` hears each finding of `lookUp`. */
export function startBeating(told) {
  const now = () => beat(told);
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && now());
  window.addEventListener("online", now);
  now();
  return now;
}

/** Beat no more. */
export function stopBeating() {
  isStopped = true;
  clearTimeout(timer);
}
