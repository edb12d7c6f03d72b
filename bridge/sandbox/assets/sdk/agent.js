// The two objects a page is given: `client` for events and tokens, `agent` for actions.

function clientOf(line) {
  return {
    context: { config: line.config },
    on: (event, callback) => line.on(event, callback),
    updateToken: (token) => line.updateToken(token),
    removeAllListeners: () => line.removeAllListeners(),
  };
}

class AgentContext {
  #line;

  constructor(line) {
    this.#line = line;
  }

  checkIn() {
    return this.#become("checkinEnable", "AgentReady", ["AgentCheckin", "AgentReady"], "Ready for calls");
  }

  checkOut() {
    return this.#become("checkoutEnable", "AgentCheckout", ["AgentCheckout"], "Checked out");
  }

  doRest() {
    return this.#become("breakEnable", "AgentBreak", ["AgentBreak"], "On a break");
  }

  checkReady() {
    return this.#become("readyEnable", "AgentReady", ["AgentReady"], "Ready for calls");
  }

  dial(callee, caller) {
    return this.#line.dial(String(callee), caller);
  }

  answer() {
    return this.#line.answer();
  }

  async #become(button, status, eventNames, notice) {
    this.#line.allow(button);
    await pause(NETWORK_TAKES);
    this.#line.allow(button);
    this.#line.enter(status, "none", eventNames, notice);
  }
}
