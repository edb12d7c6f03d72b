/** Signing out: not during a call, checked out first, then a real form that the browser itself sends.
 *
 * Only while the bridge can be reached: a page that is left without an end looks signed out, and is not.
 */

import { tell } from "./channel.js";
import { notice, withdraw } from "./notices.js";
import { isCallUp } from "./desk.js";
import { checkOut } from "./phone.js";
import { find, say } from "./page.js";
import { lookUp } from "./session.js";
import { isCallElsewhere } from "./windows.js";

const PATIENCE = 3000;

async function signOut(form) {
  if (await isCallElsewhere()) {
    notice("sign-out", say("call_elsewhere"), { tone: "wait" });
    return false;
  }
  form.querySelector("[data-text]").textContent = say("signing_out");
  const { outcome } = await lookUp();
  if (isCallUp()) return false;
  if (outcome === "unreachable") {
    notice("sign-out", say("sign_out_waits"), { tone: "wait" });
    return false;
  }
  withdraw("sign-out");
  await checkOut(PATIENCE);
  if (isCallUp()) return false;
  tell("look");
  form.submit();
  return true;
}

/** Make the sign-out button check the agent out first. */
export function watchSignOut() {
  const form = find("sign-out");
  const label = form.querySelector("[data-text]").textContent;
  let isLeaving = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (isLeaving || isCallUp()) return;
    isLeaving = true;
    isLeaving = await signOut(form);
    if (!isLeaving) form.querySelector("[data-text]").textContent = label;
  });
}
