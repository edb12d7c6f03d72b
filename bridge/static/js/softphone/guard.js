/** Nothing interrupts a call: while one is up, what would leave the page is switched off and says why. */

import { isCallUp, onDesk } from "./desk.js";
import { announce, find, say } from "./page.js";

const LEAVING = ".hb-top a[href], [data-leaves]";

function lock(element, isLocked) {
  if (isLocked) {
    element.setAttribute("aria-disabled", "true");
    element.setAttribute("aria-describedby", "call-lock");
  } else {
    element.removeAttribute("aria-disabled");
    element.removeAttribute("aria-describedby");
  }
}

/** Mark a button that leaves the page; it is locked while a call is up. */
export function markLeaving(button) {
  button.dataset.leaves = "";
  lock(button, isCallUp());
}

/** Leave the page, but never during a call. */
export function leave(url) {
  if (!isCallUp()) window.location.assign(url);
}

/** Load the page anew, but never during a call. */
export function reload() {
  if (!isCallUp()) window.location.reload();
}

function refuse(event) {
  if (!isCallUp()) return;
  event.preventDefault();
  event.stopPropagation();
  announce(say("not_in_call"), { now: true });
  find("call-lock").classList.add("hb-call-lock-noted");
}

function warn(event) {
  event.preventDefault();
}

/** Watch the page for everything that could interrupt a call. */
export function guardCalls() {
  document.addEventListener("click", (event) => event.target.closest?.(LEAVING) && refuse(event), true);
  document.addEventListener("submit", (event) => event.target.id === "sign-out" && refuse(event), true);
  onDesk(() => {
    const isUp = isCallUp();
    for (const element of document.querySelectorAll(LEAVING)) lock(element, isUp);
    if (!isUp) find("call-lock").classList.remove("hb-call-lock-noted");
    find("call-lock").hidden = !isUp;
    if (isUp) window.addEventListener("beforeunload", warn);
    else window.removeEventListener("beforeunload", warn);
  });
}
