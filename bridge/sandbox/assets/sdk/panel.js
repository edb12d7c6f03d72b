// The default phone UI of the stand-in. No inline styles and no inline handlers: it runs under a strict CSP.

const STATUS_WORDS = {
  AgentCheckout: "Checked out",
  AgentReady: "Ready",
  AgentBreak: "On break",
  AgentAcw: "After-call work",
  AgentBusyForCall: "In a call",
};
const PHASE_WORDS = { ringing: "is calling", dialing: "Calling…", talking: "Connected", held: "On hold" };

function element(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  if (text !== undefined) {
    made.textContent = text;
  }
  return made;
}

function button(className, text, action) {
  const made = element("button", `hs-button ${className}`, text);
  made.type = "button";
  made.addEventListener("click", action);
  return made;
}

class Panel {
  constructor(home, line, agent, simulator) {
    this.line = line;
    this.agent = agent;
    this.simulator = simulator;
    this.answeredAt = 0;
    home.replaceChildren(this.build());
    line.watchers.add(() => this.draw());
    this.ticking = setInterval(() => this.drawTime(), 500);
    this.draw();
  }

  build() {
    const root = element("section", "hs-phone");
    root.setAttribute("aria-label", "Phone (sandbox stand-in)");
    root.append(this.buildHead(), this.buildNotice(), this.buildCall(), this.buildDial(), this.buildStates());
    root.append(this.buildSimulator());
    return root;
  }

  buildHead() {
    const head = element("header", "hs-head");
    this.name = element("strong", "hs-name");
    this.pill = element("span", "hs-pill");
    head.append(this.name, this.pill);
    return head;
  }

  buildNotice() {
    this.notice = element("p", "hs-notice");
    this.notice.setAttribute("role", "status");
    return this.notice;
  }

  buildCall() {
    this.card = element("div", "hs-call");
    this.number = element("span", "hs-number");
    this.phase = element("span", "hs-phase");
    this.time = element("span", "hs-time");
    const facts = element("p", "hs-facts");
    facts.append(this.number, this.phase, this.time);
    const actions = element("div", "hs-row");
    this.answer = button("hs-go", "Answer", () => this.act(this.agent.answer()));
    this.hold = button("", "Hold", () => this.act(this.line.call?.hold()));
    this.retrieve = button("", "Retrieve", () => this.act(this.line.call?.retrieve()));
    this.hangUp = button("hs-stop", "Hang up", () => this.act(this.line.call?.hangUp()));
    actions.append(this.answer, this.hold, this.retrieve, this.hangUp);
    this.card.append(facts, actions);
    return this.card;
  }

  buildDial() {
    this.dialForm = element("form", "hs-row hs-dial");
    this.dialInput = element("input", "hs-input");
    this.dialInput.type = "tel";
    this.dialInput.placeholder = "Number to call";
    this.dialInput.setAttribute("aria-label", "Number to call");
    this.dialInput.autocomplete = "off";
    this.dialButton = element("button", "hs-button hs-go", "Call");
    this.dialButton.type = "submit";
    this.dialForm.append(this.dialInput, this.dialButton);
    this.dialForm.addEventListener("submit", (event) => {
      event.preventDefault();
      this.act(this.agent.dial(this.dialInput.value.trim()));
    });
    return this.dialForm;
  }

  buildStates() {
    const row = element("div", "hs-row hs-states");
    this.ready = button("", "Ready", () => this.act(this.becomeReady()));
    this.rest = button("", "Break", () => this.act(this.agent.doRest()));
    this.out = button("", "Check out", () => this.act(this.agent.checkOut()));
    row.append(this.ready, this.rest, this.out);
    return row;
  }

  buildSimulator() {
    const strip = element("div", "hs-simulator");
    const row = element("div", "hs-row");
    this.ring = button("hs-small", "Incoming call", () => this.simulator.incoming());
    this.remote = button("hs-small", "Other side hangs up", () => this.simulator.remoteHangUp());
    const expire = button("hs-small", "Expire token", () => this.simulator.tokenExpired());
    const drop = button("hs-small", "Drop connection", () => this.simulator.dropConnection());
    row.append(this.ring, this.remote, expire, drop);
    strip.append(element("span", "hs-label", "Simulator"), row);
    return strip;
  }

  becomeReady() {
    return this.line.status === "AgentCheckout" ? this.agent.checkIn() : this.agent.checkReady();
  }

  act(promise) {
    Promise.resolve(promise).catch((error) => {
      this.line.notice = error.message;
      this.draw();
    });
  }

  draw() {
    const { line } = this;
    const may = enableState(line.status, line.phase);
    this.name.textContent = line.profile.displayName || "Phone";
    this.pill.textContent = line.online ? STATUS_WORDS[line.status] : "Offline";
    this.pill.dataset.status = line.online ? line.status : "Offline";
    this.notice.textContent = line.notice;
    this.notice.dataset.trouble = String(line.expired || !line.online);
    this.drawCall(may);
    this.dialButton.disabled = !may.callDialEnable || !line.online;
    this.ready.disabled = !(may.readyEnable || may.checkinEnable) || !line.online;
    this.rest.disabled = !may.breakEnable || !line.online;
    this.out.disabled = !may.checkoutEnable || !line.online;
    this.ring.disabled = line.status !== "AgentReady" || line.phase !== "none" || !line.online;
    this.remote.disabled = !line.call;
  }

  drawCall(may) {
    const { call, phase } = this.line;
    this.card.hidden = !call;
    this.dialForm.hidden = Boolean(call);
    this.card.dataset.phase = phase;
    if (call) {
      const other = call.callDirection === INCOMING ? call.caller : call.callee;
      this.number.textContent = other.phoneNumber;
      this.phase.textContent = PHASE_WORDS[phase];
    }
    this.answer.hidden = !may.callAnswerEnable;
    this.hold.hidden = !may.callHoldEnable;
    this.retrieve.hidden = !may.callRetrieveEnable;
    this.hangUp.hidden = !may.callHangupEnable;
    this.answeredAt = phase === "talking" || phase === "held" ? this.answeredAt || Date.now() : 0;
    this.drawTime();
  }

  drawTime() {
    const seconds = this.answeredAt ? Math.floor((Date.now() - this.answeredAt) / 1000) : 0;
    const text = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    this.time.textContent = this.answeredAt ? text : "";
  }

  leave() {
    clearInterval(this.ticking);
    this.line.watchers.clear();
  }
}
