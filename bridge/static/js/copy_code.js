/** Copies the samples of the API's page. */

function select(text) {
  const range = document.createRange();
  range.selectNodeContents(text);
  const selection = window.getSelection();
  selection.removeAllRanges();
  selection.addRange(range);
}

async function copy(button) {
  const text = button.closest("[data-code]").querySelector("[data-code-text]");
  try {
    await navigator.clipboard.writeText(text.textContent);
  } catch {
    select(text);
    document.execCommand("copy");
  }
  button.querySelector("[data-code-word]").textContent = button.dataset.copied;
}

for (const button of document.querySelectorAll("[data-code-copy]")) {
  button.hidden = false;
  button.addEventListener("click", () => copy(button));
}

const contents = document.querySelector(".hb-api-nav-fold");
if (contents && !window.matchMedia("(min-width: 1024px)").matches) {
  contents.open = false;
}
