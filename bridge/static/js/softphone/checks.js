/** The list "Ready for calls?": one line each for phone line, microphone, network and browser. */

import { find } from "./page.js";

/** Set one line; `state` is wait, good, warn or bad. */
export function check(name, state, text) {
  const line = find(`check-${name}`);
  line.dataset.state = state;
  line.querySelector("[data-text]").textContent = text;
}
