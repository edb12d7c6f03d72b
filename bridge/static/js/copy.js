/** Copies the details of an error page, so that an agent can send them to support. */

function textOf(list) {
  return [...list.querySelectorAll("div")]
    .map((row) => `${row.querySelector("dt").textContent.trim()}: ${row.querySelector("dd").textContent.trim()}`)
    .join("\n");
}

function select(list) {
  const range = document.createRange();
  range.selectNodeContents(list);
  const selection = window.getSelection();
  selection.removeAllRanges();
  selection.addRange(range);
}

async function copy(button) {
  const list = document.querySelector(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(textOf(list));
  } catch {
    select(list);
    document.execCommand("copy");
  }
  button.querySelector("[data-copy-label]").textContent = button.dataset.copied;
  document.querySelector("[data-copy-status]").textContent = button.dataset.copied;
}

for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", () => copy(button));
}
