/** Lets an answer take the place of its question in the history: going back must not ask again. */

for (const link of document.querySelectorAll("a[data-instead]")) {
  link.addEventListener("click", (event) => {
    // With a key held down it shall open elsewhere.
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    window.location.replace(link.href);
  });
}

let isSent = false;

for (const form of document.querySelectorAll("form[data-instead]")) {
  form.addEventListener("submit", (event) => {
    // What is asked for works once: of two clicks, the second would show only that.
    if (isSent) event.preventDefault();
    isSent = true;
    // A form cannot replace its page, but the page can give its place in the history to where going back may lead.
    window.history.replaceState(null, "", form.dataset.instead);
  });
}

// Kept whole by the browser, the page would still be the question.
window.addEventListener("pageshow", (event) => {
  if (event.persisted && isSent) window.location.reload();
});
