/** Timers that keep time in a hidden page too: Chrome lets such a page's own run once a minute, a worker's as asked. */

const waiting = new Map();
const worker = hire();
let last = 0;

function ring(id) {
  const run = waiting.get(id);
  waiting.delete(id);
  run?.();
}

function hire() {
  try {
    const hired = new Worker(new URL("ticker.js", import.meta.url));
    hired.addEventListener("message", ({ data }) => ring(data));
    return hired;
  } catch {
    return null;
  }
}

/** Call `run` once after so many milliseconds. */
export function after(milliseconds, run) {
  last += 1;
  const id = last;
  waiting.set(id, run);
  worker?.postMessage({ id, milliseconds });
  setTimeout(() => ring(id), milliseconds); // stands by where there is no worker; whoever is first rings
}
