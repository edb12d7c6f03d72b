/** The vendor's phone: starts it, listens to it, hands it new tokens. Keeps and logs no token and no message. */

import { allowsNoCall, stateOf, stateOfButtons } from "./agents.js";
import { end, fromContext, fromMessage, meet, move, retrieve } from "./calls.js";
import { changeAgent, changeCall, isCheckedIn } from "./desk.js";
import { boot, find } from "./page.js";
import { pause } from "./patience.js";

const RETRY = 300;
const AGENT_EVENTS = ["AgentCheckin", "AgentReady", "AgentBreak", "AgentAcw", "AgentCheckout"];
const CONTEXT_EVENTS = { SystemCallRinging: "ringing", SystemCallDialOut: "dialling" };
const MESSAGE_EVENTS = {
  AgentRinging: ["ringing", "in"],
  AgentCallDialOut: ["dialling", "out"],
  AgentCallInboundEstablish: ["talking", "in"],
  AgentCallOutBoundEstablish: ["talking", "out"],
  AgentCallConferenceWaitAnswer: ["transfer", ""],
  AgentCallHeld: ["held", ""],
};

let client = null;
let agent = null;
let drawing = 0;

function listenToAgent(online) {
  for (const name of AGENT_EVENTS) online.on(name, () => changeAgent(stateOf(name)));
  online.on("AgentStatusChange", (message) => changeAgent(stateOf(message?.head?.agentBasicCode), { isFirm: false }));
  online.on("EnableStateChange", (enable) => {
    const buttons = enable ?? {};
    changeAgent(stateOfButtons(buttons), { isFirm: allowsNoCall(buttons) });
  });
}

function listenToCalls(online) {
  for (const [name, phase] of Object.entries(CONTEXT_EVENTS)) {
    online.on(name, (context) => changeCall((call, now) => move(call, phase, fromContext(context), now)));
  }
  for (const [name, [phase, direction]] of Object.entries(MESSAGE_EVENTS)) {
    online.on(name, (message) => changeCall((call, now) => move(call, phase, fromMessage(message, direction), now)));
  }
  online.on("AfterCallRetrieve", () => changeCall(retrieve));
  online.on("AgentLeaveChannel", () => changeCall(end));
}

/* UnHandleEvent is the fallback for unknown messages, and since 1.0.3 also says that reconnecting was given up. */
function isGivenUp(message) {
  const name = message?.eventName ?? "UnHandleEvent";
  return name === "UnHandleEvent" || /reconnect/i.test(name);
}

function listenToLine(online, told) {
  online.on("AgentReconnect", (status) => {
    changeAgent(stateOf(status), { isFirm: false });
    told.reconnected();
  });
  online.on("AgentCallReconnect", (_status, context) => {
    changeCall((call, now) => move(call, call.phase === "held" ? "held" : "talking", fromContext(context), now));
    told.reconnected();
  });
  for (const name of [...AGENT_EVENTS, ...Object.keys(MESSAGE_EVENTS)]) online.on(name, told.heard);
  online.on("UnHandleEvent", (message) => {
    if (isGivenUp(message)) told.lineLost();
  });
  online.on("TokenExpired", told.tokenExpired);
}

function meetClient(online, told) {
  client?.removeAllListeners();
  client = online;
  listenToAgent(online);
  listenToCalls(online);
  listenToLine(online, told);
}

async function meetAgent(online, told) {
  const isNew = agent !== online;
  agent = online;
  told.online();
  if (isNew) await checkIn(told);
}

/** Check the agent in; `told.checkInFailed` hears of a refusal. */
export async function checkIn(told) {
  try {
    await agent.checkIn();
  } catch {
    if (!isCheckedIn()) told.checkInFailed();
  }
}

async function tryCheckOut(until) {
  while (agent && isCheckedIn() && Date.now() < until) {
    try {
      return await agent.checkOut();
    } catch {
      await pause(RETRY); // right after a call the vendor's phone still refuses
    }
  }
  return undefined;
}

/** Check the agent out if checked in, trying at most so many milliseconds; a refusal changes nothing. */
export function checkOut(patience) {
  return Promise.race([tryCheckOut(Date.now() + patience), pause(patience)]);
}

function config(token) {
  const hosts = { apiHost: boot.api_host, wsHost: boot.ws_host };
  const given = Object.fromEntries(Object.entries(hosts).filter(([, host]) => host));
  return { instanceId: boot.instance_id, token, ...given };
}

function clear() {
  const dom = find("hotline").firstElementChild;
  if (dom) window.ReactDOM?.unmountComponentAtNode?.(dom);
  find("hotline").replaceChildren();
}

/* A phone that was taken away while it signed in may come online afterwards; nobody listens to it any more. */
function ofThisDrawing(run) {
  const mine = drawing;
  return (...details) => (mine === drawing ? run(...details) : undefined);
}

/** Draw the vendor's phone with this token; `told` names who hears of what happens. */
export function startPhone(token, told) {
  clear();
  drawing += 1;
  const dom = document.createElement("div");
  find("hotline").append(dom);
  find("hotline").hidden = false;
  window.HotlineClientUi.renderClient(dom, {
    config: config(token),
    onClientOnline: ofThisDrawing((online) => meetClient(online, told)),
    onAgentOnline: ofThisDrawing((online) => meetAgent(online, told)),
    onCallContextChange: ofThisDrawing((context) => changeCall((call, now) => meet(call, context, now))),
    onLoginError: ofThisDrawing(() => told.loginError()),
  });
}

/** True if the phone has been online since it was drawn. */
export function isOnline() {
  return client !== null;
}

/** Hand the phone, once it is online, a new token. */
export function updateToken(token) {
  client.updateToken(token);
}

/** Take the phone away: silent, and no longer on the page. Check the agent out before. */
export function stopPhone() {
  client?.removeAllListeners();
  client = agent = null;
  drawing += 1;
  clear();
  find("hotline").hidden = true;
}
