// Logs that are being written: follow the end unless the reader has scrolled up; pause; wrap; forget the oldest lines.
const MOST_LINES = 5000;
const NEAR = 40; // px from the end that still count as being there

const atEnd = (log) => log.scrollHeight - log.scrollTop - log.clientHeight < NEAR;

function follow(log) {
  if (log.observed) return;
  log.observed = true;
  let wasAtEnd = true;
  log.addEventListener("scroll", () => (wasAtEnd = atEnd(log)), { passive: true });
  new MutationObserver(() => {
    while (log.childElementCount > MOST_LINES) log.firstElementChild.remove();
    if (wasAtEnd) log.scrollTop = log.scrollHeight;
    document.getElementById("no-log-yet")?.remove();
  }).observe(log, { childList: true });
  log.scrollTop = log.scrollHeight;
}

function followAll() {
  document.querySelectorAll(".log[data-follow]").forEach(follow);
  if (document.querySelector("details.step")) document.getElementById("no-log-yet")?.remove();
}

let paused = false;

function pauseButton(button) {
  if (button.hasAttribute("data-never")) return;
  button.hidden = false;
  button.addEventListener("click", () => {
    paused = !paused;
    button.setAttribute("aria-pressed", String(paused));
    button.textContent = paused ? "Go on" : "Pause";
  });
}

function wrapButton(button) {
  button.hidden = false;
  button.addEventListener("click", () => {
    const wrapped = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(wrapped));
    document.querySelectorAll(".log").forEach((log) => log.classList.toggle("unwrapped", !wrapped));
  });
}

document.addEventListener("DOMContentLoaded", () => {
  followAll();
  document.querySelectorAll("[data-log-pause]").forEach(pauseButton);
  document.querySelectorAll("[data-log-wrap]").forEach(wrapButton);
});
document.addEventListener("htmx:afterSettle", followAll);
document.addEventListener("htmx:beforeRequest", (event) => {
  if (paused && /-tail$/.test(event.target.id)) event.preventDefault();
});
