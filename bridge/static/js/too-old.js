// Written for browsers too old to run the phone's modules: if these have not started when all is loaded, it says so.
window.addEventListener("load", function () {
  if (document.documentElement.hasAttribute("data-started")) return;
  document.getElementById("stage").setAttribute("hidden", "");
  document.getElementById("too-old").removeAttribute("hidden");
});
