/** Waiting: for a while, and between two tries. */

import { after } from "./timers.js";

const LONGEST = 30_000;
const resting = new Set();

/** Resolve after so many milliseconds. */
export function pause(milliseconds) {
  return new Promise((resolve) => after(milliseconds, resolve));
}

/* 1, 2, 4 … 30 seconds, spread so that pages do not march in step. */
function patience(tries) {
  return Math.min(LONGEST, 1000 * 2 ** tries) * (0.75 + Math.random() / 2);
}

/** Resolve when it is time to try again after so many tries, or when `hurry` says so. */
export function rest(tries) {
  return new Promise((resolve) => {
    const rise = () => {
      resting.delete(rise);
      resolve();
    };
    resting.add(rise);
    after(patience(tries), rise);
  });
}

/** The computer woke up or came back online: whoever rests tries again now. */
export function hurry() {
  for (const rise of [...resting]) rise();
}
