/** Draws the agent's state, the call and the window's title from what the desk knows. */

import { isUp } from "./calls.js";
import { onDesk } from "./desk.js";
import { announce, find, say } from "./page.js";
import { passed, readable, wallClock } from "./times.js";

const TITLE = document.title;
const ICON = find("favicon").href;
const WORDS = {
  ringing: "call_ringing",
  dialling: "call_dialling",
  held: "call_held",
  transfer: "call_transfer",
  ended: "call_ended",
};

let drawn = { phase: "none", state: "connecting" };
let latest = null;

function stateWords(call) {
  if (call.phase === "talking") return say(call.direction === "out" ? "call_talking_out" : "call_talking_in");
  return say(WORDS[call.phase] ?? "call_none");
}

function drawCall(call) {
  const card = find("call");
  card.dataset.phase = call.phase;
  card.dataset.direction = call.direction;
  find("call-state").textContent = stateWords(call);
  const number = readable(call.number) || say("call_number_unknown");
  find("call-number").textContent = call.phase === "none" ? say("call_none_hint") : number;
}

function drawTitle(call) {
  const icon = call.phase === "ringing" ? "-ringing" : isUp(call) ? "-call" : "";
  find("favicon").href = ICON.replace("favicon.svg", `favicon${icon}.svg`);
  if (call.phase === "ringing") document.title = say("title_ringing", { number: readable(call.number) });
  else document.title = isUp(call) ? `${say("title_call")} · ${TITLE}` : TITLE;
}

function drawAgent(agent) {
  const pill = find("agent-state");
  pill.dataset.state = agent.state;
  pill.querySelector("[data-text]").textContent = say(`state_${agent.state}`);
}

function ringingWords(call) {
  const digits = [...call.number].join(" ");
  return say("call_ringing_said", { number: digits || say("call_number_unknown") });
}

function speak(call, agent) {
  if (call.phase !== drawn.phase) {
    const isRinging = call.phase === "ringing";
    announce(isRinging ? ringingWords(call) : stateWords(call), { now: isRinging });
  } else if (agent.state !== drawn.state) {
    announce(say("state_said", { state: say(`state_${agent.state}`) }));
  }
  drawn = { phase: call.phase, state: agent.state };
}

function tick() {
  if (!latest) return;
  const { call, agent } = latest;
  const now = Date.now();
  find("agent-since").textContent = agent.state === "connecting" ? "" : passed(agent.since, now);
  find("call-timer").textContent = call.phase === "none" ? "" : passed(call.answered || call.since, call.ended || now);
}

/** Draw the desk now, after each change, and the running times every second. */
export function drawDesk() {
  onDesk((desk) => {
    latest = desk;
    drawCall(desk.call);
    drawTitle(desk.call);
    drawAgent(desk.agent);
    speak(desk.call, desk.agent);
    tick();
  });
  setInterval(tick, 1000);
}

/** Show until when the agent is signed in; without an instant: signed out. */
export function drawUntil(instant) {
  find("signed-in-until").textContent = instant ? say("until", { time: wallClock(instant) }) : say("until_ended");
}
