/** Lets links take the place of their page in the history: going back must not ask a question that was answered. */

for (const link of document.querySelectorAll("a[data-instead]")) {
  link.addEventListener("click", (event) => {
    // With a key held down it shall open elsewhere.
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    window.location.replace(link.href);
  });
}
