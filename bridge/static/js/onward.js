/** Goes where the page's one link leads: a navigation of its own, which no form's policy holds back. */

const link = document.querySelector("[data-onward]");
if (link) window.location.replace(link.href);
