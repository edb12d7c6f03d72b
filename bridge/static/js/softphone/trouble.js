/** What is out of order: this computer's network, the bridge's memory, or one of the two sign-ins behind it. */

import { keyEndsAt } from "./handover.js";
import { serverNow } from "./http.js";

const CAUSES = {
  store_: "store",
  idp_: "idp",
  id_token_: "idp",
  userinfo_: "idp",
  exchange_: "exchange",
};
const BEHIND = new Set(["idp", "exchange"]);
const TRIES = 3;
const SOON = 600;

/** Return the cause behind a problem's code: store, idp, exchange, or network where the bridge did not say. */
export function causeOf(code) {
  const known = Object.keys(CAUSES).find((start) => code.startsWith(start));
  return known ? CAUSES[known] : "network";
}

/** True if the cause lies behind the bridge, which itself is well. */
export function isBehind(code) {
  return BEHIND.has(causeOf(code));
}

/** True if an outage {tries, code, reference} matters to the agent: it lasts, or the phone's token ends soon. */
export function matters(outage) {
  return outage !== null && (outage.tries >= TRIES || keyEndsAt() - serverNow() < SOON);
}

/** True if the phone's token ended, so that its next action may be refused. */
export function isKeyOver() {
  return keyEndsAt() <= serverNow();
}
