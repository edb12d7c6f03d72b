/** Carries the #fragment of an address through a sign-in: no server ever sees one, so it waits in this window.
 *
 * Where the browser keeps nothing for pages, the address merely loses its fragment.
 */

const START = "hotline-bridge fragment ";
const LONGEST = 2000;
const KEPT_FOR = 15 * 60_000;

function nameOf(landing) {
  const { origin, pathname, search } = new URL(landing, window.location.origin);
  return origin === window.location.origin ? START + pathname + search : "";
}

function read(name) {
  try {
    const { fragment, at } = JSON.parse(sessionStorage.getItem(name));
    return Math.abs(Date.now() - at) < KEPT_FOR ? String(fragment) : "";
  } catch {
    return "";
  }
}

function forgetOld() {
  for (const name of Object.keys(sessionStorage)) {
    if (name.startsWith(START) && !read(name)) sessionStorage.removeItem(name);
  }
}

/** Keep this page's fragment for the page where the sign-in will land, a path with its query. */
export function keepFragment(landing) {
  const { hash: fragment } = window.location;
  try {
    const name = nameOf(landing);
    forgetOld();
    if (name && fragment && fragment.length <= LONGEST) {
      sessionStorage.setItem(name, JSON.stringify({ fragment, at: Date.now() }));
    }
  } catch {
    // as the sign says
  }
}

/** Put back, once, the fragment that was kept for this page, unless it came with one of its own. */
export function restoreFragment() {
  const { pathname, search, hash } = window.location;
  try {
    const name = nameOf(pathname + search);
    const fragment = read(name);
    sessionStorage.removeItem(name);
    forgetOld();
    if (fragment.startsWith("#") && !hash) history.replaceState(history.state, "", pathname + search + fragment);
  } catch {
    // as the sign says
  }
}
