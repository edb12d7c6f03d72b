// What the hotline SDK tells its page: states, socket messages and call contexts, in the real shapes.

const HOTLINE_NUMBER = "05710000001";
const INCOMING = 0;
const OUTGOING = 1;
const STATUS_NUMBERS = { AgentCheckout: 0, AgentReady: 1, AgentBreak: 2, AgentAcw: 3, AgentBusyForCall: 4 };
const DESCRIPTIONS = {
  AgentCheckout: "坐席离线状态",
  AgentReady: "坐席空闲状态",
  AgentBreak: "坐席小休状态",
  AgentAcw: "坐席话后处理状态",
  AgentBusyForCall: "坐席通话忙",
};
const BUSINESS_UNIT = 905;
const DEPARTMENT = 10;

// Odd, of eleven digits, and another one on every page: the call log of the stand-in keeps them all.
let lastCallId = 10000000001 + 2 * (Date.now() % 4000000000);

function nextIdentity() {
  lastCallId += 2;
  return { jobId: String(lastCallId), connId: String(lastCallId + 1), holdConnId: "", acId: String(lastCallId) };
}

// The real SDK declares `status` a number and sends a text.
function enableState(status, phase) {
  const idle = phase === "none";
  const checkedIn = status !== "AgentCheckout";
  return {
    status,
    checkinEnable: !checkedIn,
    checkoutEnable: checkedIn && idle,
    readyEnable: idle && (status === "AgentBreak" || status === "AgentAcw"),
    breakEnable: idle && (status === "AgentReady" || status === "AgentAcw"),
    trainEnable: false,
    agentStatusChangeEnable: checkedIn && idle,
    callDialEnable: checkedIn && idle,
    callAnswerEnable: phase === "ringing",
    callHangupEnable: phase === "dialing" || phase === "talking" || phase === "held",
    callHoldEnable: phase === "talking",
    callRetrieveEnable: phase === "held",
    callDeflectEnable: phase === "talking",
  };
}

function clockText(date) {
  return date.toISOString().slice(0, 19).replace("T", " ");
}

function callHead(eventName, call) {
  if (!call) {
    return {};
  }
  const head = {
    acid: call.identity.acId,
    connId: call.identity.connId,
    holdConnId: call.identity.holdConnId,
    jobId: call.identity.jobId,
    ani: call.caller.phoneNumber,
    dnis: call.callee.phoneNumber,
  };
  return eventName.startsWith("AgentCall") ? { agentCallCode: eventName, agentCallDesc: eventName, ...head } : head;
}

function socketMessage(eventName, profile, status, call) {
  const at = new Date();
  return {
    eventName,
    buId: BUSINESS_UNIT,
    content: "{}",
    contentType: "JSON",
    departmentId: DEPARTMENT,
    enumIconType: "NORMAL",
    enumSceneType: "HOTLINECS",
    gmtCreate: at.getTime(),
    head: {
      agentBasicCode: status,
      agentBasicDesc: DESCRIPTIONS[status],
      aid: profile.aid,
      appName: "hotlinecs",
      cmd: "agentStatus",
      departmentId: String(DEPARTMENT),
      mid: String(at.getTime()),
      name: profile.displayName,
      supportNewFunction: "0",
      time: clockText(at),
      tk: "00invented",
      xspaceHotline: "1",
      ...callHead(eventName, call),
    },
    isPersistent: false,
    sceneType: "hotline-message",
    senderId: 0,
    senderType: "2",
    userId: Number(profile.aid),
    uuid: `5cd30ae4-0000-0000-0000-${String(at.getTime()).slice(-12).padStart(12, "0")}`,
  };
}

class CallContext {
  constructor(line, direction, number, ownNumber = HOTLINE_NUMBER) {
    const own = { phoneNumber: ownNumber, aid: line.profile.aid };
    const other = { phoneNumber: number };
    Object.defineProperty(this, "line", { value: line, enumerable: false });
    this.callDirection = direction;
    this.caller = direction === INCOMING ? other : own;
    this.callee = direction === INCOMING ? own : other;
    this.duration = 0;
    this.participants = [];
    this.startTime = new Date().toISOString();
    this.identity = nextIdentity();
    Object.defineProperty(this, "began", { value: Date.now(), enumerable: false });
    Object.defineProperty(this, "answered", { value: 0, enumerable: false, writable: true });
  }

  hangUp() {
    return this.line.hangUp(this);
  }

  hold() {
    return this.line.hold(this);
  }

  retrieve() {
    return this.line.retrieve(this);
  }

  deflect(identifier) {
    return this.line.deflect(this, identifier);
  }

  dispose() {}
}
