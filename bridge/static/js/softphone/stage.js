/** The place where the phone stands: says what is happening before it starts and after it stops. */

import { markLeaving } from "./guard.js";
import { find } from "./page.js";

function button({ label, run, leaves }, isFirst) {
  const node = document.createElement("button");
  node.type = "button";
  node.className = `hb-button ${isFirst ? "hb-button-primary" : "hb-button-plain"}`;
  node.textContent = label;
  node.addEventListener("click", run);
  if (leaves) markLeaving(node);
  return node;
}

/** True while the stage covers a phone that is not online yet. */
export function isStarting() {
  return !find("stage").hidden && find("stage").dataset.kind === "starting";
}

/** Show a state of the stage: `kind` is starting, waiting, failed or out; `actions`: [{label, run, leaves}] or null. */
export function stage(kind, title, text, actions = []) {
  find("stage").hidden = false;
  find("stage").dataset.kind = kind;
  find("stage-title").textContent = title;
  find("stage-text").textContent = text;
  find("stage-actions").replaceChildren(...actions.filter(Boolean).map((action, index) => button(action, index === 0)));
}

/** Clear the stage for the phone. */
export function clearStage() {
  find("stage").hidden = true;
}
