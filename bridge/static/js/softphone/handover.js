/** Hands the phone fresh tokens. During a call they wait: nobody documents what a new token does to one.
 *
 * Tokens are kept in this page's memory alone, as the phone itself does.
 */

import { isCallUp, onDesk } from "./desk.js";
import { serverNow } from "./http.js";
import { isOnline, updateToken } from "./phone.js";

const URGENT = 120;
const ABOUT = 5;

let held = { token: "", endsAt: Infinity };
let waiting = null;
let isExpired = false;

function mayWait() {
  return isCallUp() && !isExpired && held.endsAt - serverNow() > URGENT;
}

/** Note the token {token, endsAt} that the phone has now; `endsAt` in epoch seconds. */
export function noteHeld(fresh) {
  held = fresh;
  isExpired = false;
  waiting = null;
}

/** Return when the phone's token ends, in epoch seconds; never, if the phone has none yet. */
export function keyEndsAt() {
  return isExpired ? Math.min(held.endsAt, serverNow()) : held.endsAt;
}

/** True if a token that ends at this instant, in epoch seconds, is newer than all that the phone was meant to have. */
export function isOutdone(end) {
  return (waiting ?? held).endsAt < end - ABOUT;
}

/** Hand over the token that waits, if there is one and its time has come; false if nothing was handed over. */
export function handOver() {
  if (!waiting || mayWait() || !isOnline()) return false;
  const fresh = waiting;
  noteHeld(fresh);
  updateToken(fresh.token);
  return true;
}

/** Take a token {token, endsAt} for the phone; one that it already has, and can use, is not handed over again. */
export function take(fresh) {
  if (fresh.token === held.token && !isExpired) noteHeld(fresh);
  else waiting = fresh;
  handOver();
}

/** The phone says that its token is of no use any more: the next one waits for nothing. */
export function noteExpiry() {
  isExpired = true;
}

/** Begin to watch for the end of calls. */
export function watchCalls() {
  onDesk(handOver);
}
