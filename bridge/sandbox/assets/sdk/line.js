// The simulated line: one agent, at most one call, one token; tells its listeners what happens.

const REMOTE_ANSWERS_AFTER = 700;
const RECONNECTS_AFTER = 800;
const NETWORK_TAKES = 30;

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

class Line {
  constructor(config, props, server) {
    this.config = config;
    this.props = props;
    this.server = server;
    this.listeners = new Map();
    this.watchers = new Set();
    this.profile = { aid: "", accountName: "", displayName: "" };
    this.status = "AgentCheckout";
    this.phase = "none";
    this.call = null;
    this.online = false;
    this.expired = false;
    this.renewals = 0;
    this.notice = "Connecting…";
  }

  // listeners

  on(event, callback) {
    const entry = { callback };
    this.listeners.set(event, [...(this.listeners.get(event) || []), entry]);
    const dispose = () => {
      this.listeners.set(event, (this.listeners.get(event) || []).filter((one) => one !== entry));
    };
    return { dispose };
  }

  removeAllListeners() {
    this.listeners.clear();
  }

  emit(event, ...details) {
    for (const { callback } of this.listeners.get(event) || []) {
      this.guarded(callback, ...details);
    }
  }

  guarded(callback, ...details) {
    try {
      callback?.(...details);
    } catch (error) {
      console.error("A listener of the hotline SDK failed:", error);
    }
  }

  say(eventName) {
    this.emit(eventName, socketMessage(eventName, this.profile, this.status, this.call));
  }

  changed(notice) {
    this.notice = notice ?? this.notice;
    this.emit("EnableStateChange", enableState(this.status, this.phase));
    this.redraw();
  }

  redraw() {
    this.watchers.forEach((watcher) => watcher());
  }

  enter(status, phase, eventNames, notice) {
    this.status = status;
    this.phase = phase;
    [...eventNames, "AgentStatusChange"].forEach((name) => this.say(name));
    this.changed(notice);
  }

  // token

  async check(token) {
    const form = new URLSearchParams({ token: String(token), instanceId: String(this.config.instanceId) });
    const answer = await fetch(`${this.server}/sdk/check`, { method: "POST", body: form, credentials: "omit" });
    const body = await answer.json();
    return answer.ok ? body.agent : Promise.reject(new Error(`${body.code}: ${body.message}`));
  }

  async updateToken(token) {
    try {
      const profile = await this.check(token);
      if (profile.accountName !== this.profile.accountName) {
        throw new Error("AgentChanged: the new token is for another agent.");
      }
      if (this.expired && token === this.config.token) {
        throw new Error("TokenExpired: this is the token that has expired.");
      }
    } catch (error) {
      this.changed(`New token refused. ${error.message}`);
      this.guarded(this.props.onLoginError, error);
      return;
    }
    this.config.token = token;
    this.expired = false;
    this.renewals += 1;
    this.changed("Token renewed");
  }

  expireToken() {
    this.expired = true;
    this.changed("Token expired, waiting for a new one");
    this.emit("TokenExpired");
  }

  needsToken() {
    if (this.expired) {
      this.changed("Refused: the token has expired");
      this.emit("TokenExpired");
      throw new Error("TokenExpired: a new token is needed first.");
    }
  }

  allow(button) {
    if (!this.online) {
      throw new Error("Offline: the connection is down.");
    }
    if (!enableState(this.status, this.phase)[button]) {
      throw new Error(`NotAllowed: ${button} is false while ${this.status}, ${this.phase}.`);
    }
  }

  // calls

  ring(number) {
    if (!this.online || this.status !== "AgentReady" || this.phase !== "none") {
      return false;
    }
    this.begin(INCOMING, number);
    this.enter("AgentBusyForCall", "ringing", ["AgentRinging"], "Incoming call");
    this.emit("SystemCallRinging", this.call);
    return true;
  }

  begin(direction, number, ownNumber) {
    this.call = new CallContext(this, direction, number, ownNumber);
    this.guarded(this.props.onCallContextChange, this.call);
  }

  async dial(number, ownNumber) {
    this.needsToken();
    this.allow("callDialEnable");
    if (!/^\+?[0-9#*]{3,20}$/.test(number)) {
      throw new Error("NumberInvalid: digits only.");
    }
    this.emit("BeforeCallDial");
    this.begin(OUTGOING, number, ownNumber);
    const { call } = this;
    this.enter("AgentBusyForCall", "dialing", ["AgentCallDialOut"], "Dialling");
    this.emit("SystemCallDialOut", call);
    this.emit("AfterCallDial");
    setTimeout(() => this.remoteAnswers(call), REMOTE_ANSWERS_AFTER);
    return call;
  }

  remoteAnswers(call) {
    if (this.call === call && this.phase === "dialing") {
      this.establish("AgentCallOutBoundEstablish");
    }
  }

  async answer() {
    this.allow("callAnswerEnable");
    this.needsToken();
    this.emit("BeforeCallAnswer");
    const { call } = this;
    await pause(NETWORK_TAKES);
    if (this.call !== call) {
      throw new Error("CallGone: the caller hung up.");
    }
    this.establish("AgentCallInboundEstablish");
    this.emit("AfterCallAnswer");
  }

  establish(eventName) {
    this.call.answered = Date.now();
    this.enter("AgentBusyForCall", "talking", ["AgentJoinChannel", eventName], "In a call");
    this.guarded(this.props.onCallContextChange, this.call);
  }

  async hangUp(call) {
    this.mine(call);
    this.allow("callHangupEnable");
    this.emit("BeforeCallHangup");
    await pause(NETWORK_TAKES);
    this.mine(call);
    this.over("Call ended", "agent");
    this.emit("AfterCallHangup");
  }

  over(notice, endedBy) {
    if (this.call) {
      this.say("AgentLeaveChannel");
      this.writeDown(this.call, endedBy);
      this.call = null;
      this.enter("AgentAcw", "none", ["AgentAcw"], notice);
    }
  }

  // The stand-in's own: the call log of its contact center learns of the call.
  writeDown({ identity, callDirection, caller, callee, began, answered }, endedBy) {
    const [other, own] = callDirection === INCOMING ? [caller, callee] : [callee, caller];
    const seconds = (from, to) => String(Math.round((to - from) / 1000));
    const form = new URLSearchParams({
      token: this.config.token,
      acId: identity.acId,
      connId: identity.connId,
      direction: callDirection === INCOMING ? "in" : "out",
      ended_by: endedBy,
      number: other.phoneNumber,
      line: own.phoneNumber,
      rang: seconds(began, answered || Date.now()),
      talked: answered ? seconds(answered, Date.now()) : "",
    });
    const message = { method: "POST", body: form, credentials: "omit", keepalive: true };
    fetch(`${this.server}/sdk/calls`, message).catch(() => {});
  }

  async hold(call) {
    this.mine(call);
    this.allow("callHoldEnable");
    this.emit("BeforeCallHold");
    await pause(NETWORK_TAKES);
    this.mine(call);
    call.identity.holdConnId = call.identity.connId;
    this.enter("AgentBusyForCall", "held", ["AgentCallHeld"], "On hold");
    this.emit("AfterCallHold");
  }

  async retrieve(call) {
    this.mine(call);
    this.allow("callRetrieveEnable");
    this.emit("BeforeCallRetrieve");
    await pause(NETWORK_TAKES);
    this.mine(call);
    call.identity.holdConnId = "";
    const eventName = call.callDirection === INCOMING ? "AgentCallInboundEstablish" : "AgentCallOutBoundEstablish";
    this.enter("AgentBusyForCall", "talking", [eventName], "In a call");
    this.emit("AfterCallRetrieve");
  }

  // There is a BeforeCallDeflect and no AfterCallDeflect.
  async deflect(call, identifier) {
    this.mine(call);
    this.allow("callDeflectEnable");
    this.emit("BeforeCallDeflect");
    await pause(NETWORK_TAKES);
    this.mine(call);
    if (identifier?.isSingleTransfer === false) {
      this.say("AgentCallConferenceWaitAnswer");
      this.changed("Waiting for the third party");
    } else {
      this.over("Call transferred", "transfer");
    }
  }

  mine(call) {
    if (this.call !== call) {
      throw new Error("CallGone: this call is over.");
    }
  }

  // connection

  async drop(giveUp) {
    this.online = false;
    this.changed("Connection lost, reconnecting…");
    await pause(RECONNECTS_AFTER);
    if (giveUp) {
      this.say("UnHandleEvent");
      this.changed("Connection lost. Reload the page.");
      return;
    }
    this.online = true;
    this.emit("AgentReconnect", STATUS_NUMBERS[this.status]);
    if (this.call) {
      this.emit("AgentCallReconnect", STATUS_NUMBERS[this.status], this.call);
    }
    this.changed("Reconnected");
  }
}
