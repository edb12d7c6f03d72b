/** Drives an import step by step while its page is open; without scripts a button does the same. */

const PAUSE = 5;
const box = document.querySelector("[data-import]");
const form = box.querySelector("[data-import-form]");
const bar = box.querySelector("[data-import-bar]");
const done = box.querySelector("[data-import-done]");
const trouble = box.querySelector("[data-import-trouble]");
const token = form.elements.csrf_token.value;

const wait = (seconds) => new Promise((resolve) => window.setTimeout(resolve, seconds * 1_000));

async function step() {
  const answer = await fetch(form.action, {
    method: "POST",
    headers: { Accept: "application/json", "X-CSRF-Token": token },
  });
  if (answer.status === 429 || answer.status >= 500) return { wait: PAUSE };
  // Whatever else is wrong, such as a sign-in that ended, the page itself tells.
  return answer.ok ? answer.json() : null;
}

async function run() {
  form.hidden = true;
  for (;;) {
    const told = await step().catch(() => ({ wait: PAUSE, trouble: box.dataset.offline }));
    if (!told || (told.stage && told.stage !== box.dataset.stage)) break;
    if (told.total !== undefined) {
      bar.value = told.done;
      done.textContent = told.done;
    }
    trouble.textContent = told.trouble ?? "";
    if (told.wait) await wait(told.wait);
  }
  window.location.reload();
}

run();
