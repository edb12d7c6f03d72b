/** The agent's state, from the SDK's codes to the page's words. */

const STATES = {
  AgentCheckin: "in",
  AgentReady: "ready",
  AgentBreak: "break",
  AgentAcw: "acw",
  AgentBusyForCall: "busy",
  AgentCheckout: "out",
};

const AT_REST = new Set(["ready", "break", "acw", "out", "off"]);

/** Return the page's word for an SDK code; an empty text for what is no code, such as a number. */
export function stateOf(code) {
  if (typeof code !== "string" || !code.startsWith("Agent")) return "";
  return STATES[code] ?? "other";
}

/** True for the states in which no call can be up. */
export function isAtRest(state) {
  return AT_REST.has(state);
}

/** True if the SDK's buttons say that no call is up: nothing to answer, to hang up or to take back from hold. */
export function allowsNoCall(enable) {
  return [enable.callAnswerEnable, enable.callHangupEnable, enable.callRetrieveEnable].every((flag) => flag === false);
}

/** Return the state that the SDK's buttons tell, from their `status` or, where that is a number, from the flags. */
export function stateOfButtons(enable) {
  const named = stateOf(enable.status);
  if (named) return named;
  return enable.checkinEnable === true && enable.checkoutEnable === false ? "out" : "";
}
