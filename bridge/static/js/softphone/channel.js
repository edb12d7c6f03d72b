/** What the windows of this browser tell one another: words and plain facts, never a token.
 *
 * look: the session changes, see for yourself. renewed: it has a fresh token. outage: a renewal fails, with
 * {tries, code, reference}.
 */

const channel = "BroadcastChannel" in window ? new BroadcastChannel("hotline-bridge session") : null;

/** Tell the other windows a word. */
export function tell(word, facts = {}) {
  channel?.postMessage({ word, ...facts });
}

/** Call `run(facts)` whenever another window says this word. */
export function hear(word, run) {
  channel?.addEventListener("message", ({ data }) => data?.word === word && run(data));
}
