/** The notices above the phone: one per matter, calm, and never in the way of a call. */

import { markLeaving } from "./guard.js";
import { find } from "./page.js";

const shown = new Map();

function build(id) {
  const node = find("notice").content.firstElementChild.cloneNode(true);
  node.dataset.notice = id;
  shown.set(id, node);
  return node;
}

function setAction(button, action) {
  button.hidden = !action;
  if (!action) return;
  button.textContent = action.label;
  button.onclick = action.run;
  if (action.leaves) markLeaving(button);
}

/** Show a notice, or change the one shown under this id. `tone`: info, wait or stop; `action`: {label, run, leaves}. */
export function notice(id, text, { tone = "info", action = null } = {}) {
  const known = shown.get(id);
  const node = known ?? build(id);
  node.dataset.tone = tone;
  const words = node.querySelector("[data-text]");
  if (words.textContent !== text) words.textContent = text;
  setAction(node.querySelector("[data-action]"), action);
  if (!known) find("notices").append(node);
}

/** Take a notice away; nothing happens if it is not shown. */
export function withdraw(id) {
  shown.get(id)?.remove();
  shown.delete(id);
}
