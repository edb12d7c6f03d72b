/** What call is up, as far as the SDK's events tell: values in, new value out. */

/** No call at all. Phases: none, ringing, dialling, talking, held, transfer, ended. */
export const NO_CALL = Object.freeze({
  phase: "none",
  direction: "",
  number: "",
  id: "",
  since: 0,
  answered: 0,
  ended: 0,
});

const ANSWERED = new Set(["talking", "held", "transfer"]);
const UP = new Set(["ringing", "dialling", "talking", "held", "transfer"]);

/** True while a call rings, is dialled or is up. */
export function isUp(call) {
  return UP.has(call.phase);
}

/** Return {id, direction, number} of the SDK's call context; direction 0 means incoming, and is falsy. */
export function fromContext(context) {
  const { callDirection, caller, callee, identity } = context ?? {};
  const isOutgoing = Number(callDirection) === 1;
  const other = isOutgoing ? callee : caller;
  return {
    id: String(identity?.acId ?? ""),
    direction: isOutgoing ? "out" : "in",
    number: String(other?.phoneNumber ?? ""),
    isSure: callDirection !== undefined,
  };
}

/** Return {id, direction, number} of a socket message; an unknown direction stays empty. */
export function fromMessage(message, direction = "") {
  const head = message?.head ?? {};
  const number = { in: head.ani, out: head.dnis }[direction];
  return { id: String(head.acid ?? ""), direction, number: String(number ?? ""), isSure: false };
}

function isSame(call, facts) {
  return isUp(call) && (!facts.id || !call.id || facts.id === call.id);
}

function party(before, facts) {
  const [first, second] = facts.isSure ? [facts, before] : [before, facts];
  return { direction: first.direction || second.direction || "in", number: first.number || second.number };
}

/** Return the call in a new phase: the same call goes on, another id begins a new one. */
export function move(call, phase, facts, now) {
  const before = isSame(call, facts) ? call : { ...NO_CALL, since: now };
  const { direction, number } = party(before, facts);
  return {
    phase: phase === "ringing" && direction === "out" ? "dialling" : phase,
    direction,
    number,
    id: before.id || facts.id,
    since: before.since,
    answered: before.answered || (ANSWERED.has(phase) ? now : 0),
    ended: 0,
  };
}

/** Return the call after it was taken back from hold. */
export function retrieve(call) {
  return isUp(call) ? { ...call, phase: "talking" } : call;
}

/** Return the call after it is over. */
export function end(call, now) {
  return isUp(call) ? { ...call, phase: "ended", ended: now } : call;
}

/** Return the call after the SDK showed its context, which it also does for the call that has just ended. */
export function meet(call, context, now) {
  if (!context) return end(call, now);
  const facts = fromContext(context);
  if (isSame(call, facts)) return move(call, call.phase, facts, now);
  if (!facts.id || facts.id === call.id) return call;
  return move(call, facts.direction === "out" ? "dialling" : "ringing", facts, now);
}
