// Excerpts of what was found are read over HTTP; from files a browser does not allow that, and the list is enough.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

// The theme's button for light and dark. Its own script also follows scrolling, and is a module, which no page loads from files.
// First the other one than the system's, then the one of the system held fast, then what the system says.
document.documentElement.classList.remove("no-js");
addEventListener("DOMContentLoaded", () => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  for (const button of document.querySelectorAll(".theme-toggle")) {
    button.addEventListener("click", () => {
      const ways = dark.matches ? ["auto", "light", "dark"] : ["auto", "dark", "light"];
      const next = ways[(ways.indexOf(document.body.dataset.theme) + 1) % ways.length];
      document.body.dataset.theme = next;
      try { localStorage.setItem("theme", next); } catch { /* for this page only */ }
    });
  }
});
