/** What every page of the console does once scripts run: the reader's own time zone, and buttons that copy. */

const locale = document.documentElement.lang;
const dateOf = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "short" });
const whole = new Intl.DateTimeFormat(locale, { dateStyle: "full", timeStyle: "long" });

for (const time of document.querySelectorAll("time[data-moment]")) {
  const moment = new Date(time.dateTime);
  time.title = whole.format(moment);
  time.textContent = dateOf.format(moment);
}

function select(element) {
  const range = document.createRange();
  range.selectNodeContents(element);
  const selection = window.getSelection();
  selection.removeAllRanges();
  selection.addRange(range);
}

async function copy(button) {
  const value = button.closest("[data-copy-field]").querySelector("[data-copy-value]");
  try {
    await navigator.clipboard.writeText(value.textContent);
  } catch {
    select(value);
    document.execCommand("copy");
  }
  const word = button.querySelector("[data-copy-word]");
  const [before, label] = [word.textContent, button.getAttribute("aria-label")];
  word.textContent = button.dataset.copied;
  button.setAttribute("aria-label", button.dataset.copied);
  button.disabled = true;
  window.setTimeout(() => {
    word.textContent = before;
    button.setAttribute("aria-label", label);
    button.disabled = false;
  }, 1_600);
}

for (const button of document.querySelectorAll("[data-copy-button]")) {
  button.hidden = false;
  button.addEventListener("click", () => copy(button));
}

/** Filters a list as somebody types; the list itself is whole without scripts. */
for (const box of document.querySelectorAll("[data-filters]")) {
  const rows = [...document.querySelectorAll(box.dataset.filters)];
  const none = document.querySelector(box.dataset.none);
  box.closest("[hidden]")?.removeAttribute("hidden");
  box.addEventListener("input", () => {
    const wanted = box.value.trim().toLowerCase();
    for (const row of rows) row.hidden = !row.dataset.words.toLowerCase().includes(wanted);
    none.hidden = rows.some((row) => !row.hidden);
  });
}
