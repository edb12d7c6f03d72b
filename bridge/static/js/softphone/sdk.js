/** Watches the vendor's scripts, which the page names after this module, and says which host did not deliver. */

const SLOW = 10_000;

function hostOf(element) {
  return new URL(element.src || element.href, document.baseURI).host;
}

function settled(script) {
  return new Promise((resolve) => {
    script.addEventListener("load", () => resolve(""));
    script.addEventListener("error", () => resolve(hostOf(script)));
  });
}

/** Resolves to {failed} once all scripts are done: the host of the first that failed, or an empty text. */
export async function loadSdk(slow) {
  const scripts = [...document.querySelectorAll("script[data-sdk]")];
  const waiting = new Set(scripts);
  const timer = setTimeout(() => waiting.size && slow(hostOf([...waiting][0])), SLOW);
  const hosts = await Promise.all(scripts.map((script) => settled(script).finally(() => waiting.delete(script))));
  clearTimeout(timer);
  return { failed: hosts.find(Boolean) ?? "", last: scripts.length ? hostOf(scripts[scripts.length - 1]) : "" };
}

/** Switch the vendor's style sheets on; `missing(host)` hears of one that cannot be loaded. */
export function loadStyles(missing) {
  for (const link of document.querySelectorAll("link[data-sdk]")) {
    link.addEventListener("error", () => missing(hostOf(link)));
    link.media = "all";
  }
}
