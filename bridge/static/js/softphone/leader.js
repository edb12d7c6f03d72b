/** One window of an agent leads: it renews for all. The lock that makes it so goes by itself with the window. */

import { boot } from "./page.js";

const NAME = `hotline-bridge leader ${boot.connection} ${boot.account_name}`;

const resigning = new AbortController();
let isFirst = !navigator.locks;

/** True in the window that leads; without locks every window does. */
export function isLeader() {
  return isFirst;
}

/** Lead as soon as no other window does; `elected` is called then. */
export function standForLeader(elected) {
  const term = new Promise((resolve) => resigning.signal.addEventListener("abort", resolve));
  const lead = () => {
    isFirst = true;
    elected();
    return term;
  };
  navigator.locks?.request(NAME, { signal: resigning.signal }, lead).catch(() => {});
}

/** Leave the lead, or the queue for it, to the others. */
export function resign() {
  resigning.abort();
  isFirst = false;
}
