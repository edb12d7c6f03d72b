/** Several windows of one agent: they know of each other and of each other's calls. Locks vanish with their window. */

import { isCallUp, onDesk } from "./desk.js";
import { boot } from "./page.js";

const PHONE = `hotline-bridge phone ${boot.connection} ${boot.account_name}`;
const CALL = `hotline-bridge call ${boot.connection} ${boot.account_name}`;

let letGo = null;

async function isHeld(name) {
  const { held } = (await navigator.locks?.query()) ?? { held: [] };
  return held.some((lock) => lock.name === name);
}

function hold(name, until) {
  navigator.locks?.request(name, { mode: "shared" }, () => until)?.catch(() => {});
}

/** True if the phone of this agent is open in another window of this browser. */
export async function isSecondWindow() {
  const isSecond = await isHeld(PHONE);
  hold(PHONE, new Promise(() => {}));
  return isSecond;
}

/** True if a call is up in another window of this browser. */
export async function isCallElsewhere() {
  return !isCallUp() && isHeld(CALL);
}

/** Let the other windows know while a call is up in this one. */
export function shareCalls() {
  onDesk(() => {
    if (isCallUp() && !letGo) {
      const over = new Promise((resolve) => {
        letGo = resolve;
      });
      hold(CALL, over);
    }
    if (!isCallUp() && letGo) {
      letGo();
      letGo = null;
    }
  });
}
