/** The microphone: whether the page may use it, and how to put it right. */

import { check } from "./checks.js";
import { announce, find, say } from "./page.js";

const FAULTS = {
  NotAllowedError: "denied",
  SecurityError: "denied",
  NotFoundError: "missing",
  NotReadableError: "busy",
};
const SEVERITY = { granted: "good", prompt: "warn", checking: "wait" };
const BUTTONS = { prompt: "mic_allow", denied: "mic_again", missing: "mic_again", busy: "mic_again" };

function show(state) {
  check("microphone", SEVERITY[state] ?? "bad", say(`mic_${state}`));
  const button = find("microphone-ask");
  button.hidden = !BUTTONS[state];
  if (BUTTONS[state]) button.textContent = say(BUTTONS[state]);
}

function isFramedOff() {
  return document.featurePolicy?.allowsFeature("microphone") === false;
}

async function hasDevice() {
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices.some((device) => device.kind === "audioinput");
}

async function permission() {
  try {
    return await navigator.permissions.query({ name: "microphone" });
  } catch {
    return { state: "prompt", addEventListener: () => {} };
  }
}

async function look(status) {
  if (status.state === "granted" && !(await hasDevice())) return show("missing");
  return show(status.state);
}

async function request() {
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    for (const track of stream.getTracks()) track.stop();
    show("granted");
  } catch (error) {
    show(FAULTS[error.name] ?? "busy");
  }
  announce(find("check-microphone").querySelector("[data-text]").textContent);
}

/** Show the microphone's state, follow its changes, and ask for it when the agent presses the button. */
export async function watchMicrophone() {
  if (!navigator.mediaDevices?.getUserMedia) return show("unsupported");
  if (isFramedOff()) return show("framed");
  const status = await permission();
  find("microphone-ask").addEventListener("click", request);
  status.addEventListener("change", () => look(status));
  navigator.mediaDevices.addEventListener("devicechange", () => look(status));
  return look(status);
}
