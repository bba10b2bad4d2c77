// Loaded in <head>, before anything is painted: the page never flashes in the wrong theme.
// The cookie `theme` holds light, dark or auto; auto, or no cookie, follows the machine. Without script borgui/theme.py
// keeps it. `data-script` tells the style sheet that there is script.

const dark = window.matchMedia("(prefers-color-scheme: dark)");

function chosen() {
  return /(?:^|;\s*)theme=(light|dark|auto)(?:;|$)/.exec(document.cookie)?.[1] ?? "auto";
}

function paint() {
  const choice = chosen();
  const theme = choice === "auto" ? (dark.matches ? "dark" : "light") : choice;
  document.documentElement.setAttribute("data-bs-theme", theme);
}

function choose(theme) {
  const year = 365 * 24 * 60 * 60;
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `theme=${theme}; Path=/; Max-Age=${year}; SameSite=Lax${secure}`;
  paint();
}

document.documentElement.dataset.script = "";
paint();
dark.addEventListener("change", paint);
document.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (button?.name !== "theme") return;
  event.preventDefault();
  choose(button.value);
  const menu = button.closest("details");
  menu.open = false;
  menu.querySelector("summary").focus();
});
