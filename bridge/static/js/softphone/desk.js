/** The one place that knows the agent's state and the call; everyone else is told of changes. */

import { NO_CALL, end, isUp } from "./calls.js";
import { isAtRest } from "./agents.js";

const listeners = new Set();
let call = NO_CALL;
let agent = { state: "connecting", since: Date.now() };

function tell() {
  for (const listener of listeners) listener({ call, agent });
}

/** Call `listener` with {call, agent} now and after every change. */
export function onDesk(listener) {
  listeners.add(listener);
  listener({ call, agent });
}

/** True while a call rings, is dialled or is up. */
export function isCallUp() {
  return isUp(call);
}

/** True if the SDK says that the agent is checked in, whatever the agent does. */
export function isCheckedIn() {
  return !["connecting", "out", "off"].includes(agent.state);
}

/** Replace the call by what `change(call, now)` returns. */
export function changeCall(change) {
  const next = change(call, Date.now());
  if (next === call) return;
  call = next;
  tell();
}

/** Keep the agent's new state; `isFirm` states of rest also end a call whose end was not told. */
export function changeAgent(state, { isFirm = true } = {}) {
  if (!state) return;
  if (isFirm && isAtRest(state)) call = end(call, Date.now());
  if (state !== agent.state) agent = { state, since: Date.now() };
  tell();
}
