/** Sends the e-mail form as a plain navigation, and keeps the fragment of the page that was asked for.
 *
 * Chromium holds a form to `form-action` through every redirect, so a submitted form would never reach the company's
 * sign-in page; naming those hosts in the policy would tell every visitor who the customers are.
 */

import { keepFragment } from "./fragment.js";

const form = document.querySelector("[data-navigates]");

form?.addEventListener("submit", (event) => {
  event.preventDefault();
  const asked = new URLSearchParams(new FormData(form));
  window.location.assign(`${form.action}?${asked}`);
});

keepFragment(new URLSearchParams(window.location.search).get("next") || "/softphone");
