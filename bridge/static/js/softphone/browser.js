/** Whether this browser can carry calls: a Chromium of version 58 or later, over HTTPS, with WebRTC. */

import { check } from "./checks.js";
import { say } from "./page.js";

const OLDEST = 58;

/** Return the first thing that is wrong with the browser: insecure, no_webrtc, foreign, old, or an empty text. */
export function fault(browser = window) {
  if (!browser.isSecureContext) return "insecure";
  const found = /Chrom(?:e|ium)\/(\d+)/.exec(browser.navigator.userAgent);
  if (found && Number(found[1]) < OLDEST) return "old";
  if (!browser.RTCPeerConnection || !browser.WebSocket) return "no_webrtc";
  return found ? "" : "foreign";
}

/** Show on the list whether the browser is suitable. */
export function checkBrowser() {
  const wrong = fault();
  const state = { "": "good", foreign: "warn" }[wrong] ?? "bad";
  check("browser", state, say(`browser_${wrong || "good"}`));
}
