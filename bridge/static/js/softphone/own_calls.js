/** The agent's own calls of today: asked for when somebody unfolds them, when a call is over, and by the button. */

import { isCallUp, onDesk } from "./desk.js";
import { ask } from "./http.js";
import { isOver } from "./keeper.js";
import { announce, boot, find, say } from "./page.js";
import { after } from "./timers.js";
import { passed, wallClock } from "./times.js";

/* The contact center needs a moment until it tells of a call that has just ended. */
const SETTLING = 4000;
const SETTLED = 120_000;
const DIRECTIONS = { inbound: "own_in", outbound: "own_out", transferred: "own_transferred" };
const STATES = { not_ready: "own_not_ready", none: "own_no_recording" };

let shown = new Map();
let asked = 0;
let wasUp = false;
let endedAt = -Infinity;

function zoneHint() {
  return say("own_zone", { zone: new Intl.DateTimeFormat().resolvedOptions().timeZone });
}

function nothing() {
  return Date.now() - endedAt < SETTLED ? "own_settling" : "own_nothing";
}

function what(call) {
  const missed = call.direction === "outbound" ? "own_unanswered" : "own_missed";
  const words = [DIRECTIONS[call.direction], call.is_answered ? "own_answered" : missed];
  return words.filter(Boolean).map((key) => say(key)).join(" · ");
}

function player(url, label, fail) {
  const audio = document.createElement("audio");
  Object.assign(audio, { controls: true, preload: "none", src: url, className: "hb-own-audio" });
  audio.setAttribute("aria-label", label);
  audio.addEventListener("error", fail);
  return audio;
}

function hush() {
  for (const audio of find("own-calls-list").querySelectorAll("audio")) audio.pause();
}

function play(node, recordings, label) {
  const button = node.querySelector("[data-listen]");
  const fail = () => {
    node.querySelector("[data-told]").textContent = say("own_sound_failed");
  };
  const players = recordings.map(({ url }) => player(url, label, fail));
  button.hidden = true;
  node.querySelector("[data-sound]").append(...players);
  players[0].focus();
  players[0].play().catch(() => {});
}

async function listen(node, call, label) {
  const told = node.querySelector("[data-told]");
  const button = node.querySelector("[data-listen]");
  if (isCallUp()) return announce(say("not_in_call"), { now: true });
  if (button.getAttribute("aria-disabled") === "true") return undefined;
  button.setAttribute("aria-disabled", "true");
  const { status, body } = await ask("GET", call.recordings_url);
  button.removeAttribute("aria-disabled");
  if (isOver() || isCallUp()) return undefined;
  told.textContent = status !== 200 ? say("own_sound_failed") : STATES[body.state] ? say(STATES[body.state]) : "";
  if (status === 200 && body.state === "ready") {
    hush();
    play(node, body.recordings, label);
  }
  return undefined;
}

function build(call) {
  const node = find("own-call").content.firstElementChild.cloneNode(true);
  const time = call.created_at ? wallClock(call.created_at) : "";
  const number = call.number || say("call_number_unknown");
  const label = say("own_listen_to", { number, time });
  const button = node.querySelector("[data-listen]");
  node.dataset.direction = call.direction === "outbound" ? "out" : "in";
  node.dataset.answered = call.is_answered;
  node.querySelector("[data-number]").textContent = number;
  node.querySelector("[data-what]").textContent = what(call);
  Object.assign(node.querySelector("[data-time]"), { textContent: time, title: time && zoneHint() });
  node.querySelector("[data-duration]").textContent = call.is_answered ? passed(0, (call.talk_seconds ?? 0) * 1000) : "";
  button.hidden = !call.recordings_url;
  button.setAttribute("aria-label", label);
  button.addEventListener("click", () => listen(node, call, label));
  return node;
}

/* A call that is shown already stays as it is: somebody may be listening to it. */
function draw(calls) {
  const list = find("own-calls-list");
  const known = shown;
  shown = new Map(calls.map((call) => [JSON.stringify(call), call]));
  for (const [key, call] of shown) shown.set(key, known.get(key) ?? build(call));
  for (const [key, node] of known) if (!shown.has(key)) node.remove();
  let next = list.firstElementChild;
  for (const node of shown.values()) {
    if (node === next) next = next.nextElementSibling;
    else list.insertBefore(node, next);
  }
  list.hidden = calls.length === 0;
  const time = wallClock(Date.now() / 1000);
  const state = find("own-calls-state");
  Object.assign(state, { textContent: say(calls.length ? "own_as_of" : nothing(), { time }), title: zoneHint() });
}

async function load() {
  const mine = (asked += 1);
  find("own-calls").setAttribute("aria-busy", "true");
  if (!shown.size) find("own-calls-state").textContent = say("own_loading");
  const { status, body } = await ask("GET", boot.calls_url);
  if (mine !== asked || isOver()) return;
  find("own-calls").removeAttribute("aria-busy");
  if (status === 200) draw(body.calls);
  else find("own-calls-state").textContent = say("own_failed");
}

function watchDesk() {
  const isUp = isCallUp();
  if (isUp) hush();
  if (wasUp && !isUp) endedAt = Date.now();
  if (wasUp && !isUp && find("own-calls-fold").open) after(SETTLING, load);
  wasUp = isUp;
  if (isOver()) {
    hush();
    find("own-calls").hidden = true;
  }
}

/** Show the agent's own calls, where the connection has a contact center to ask. */
export function showOwnCalls() {
  if (!boot.calls_url) return;
  find("own-calls-fold").addEventListener("toggle", () => find("own-calls-fold").open && load());
  find("own-calls-again").addEventListener("click", load);
  onDesk(watchDesk);
}
