// Notices that arrive with a piece of a page (the event `toasts`, see borgui.middleware), and those about its absence.
// Full pages print their notices themselves.
import Toast from "bootstrap/js/dist/toast";

const SHOWN = 8000; // milliseconds; errors stay until they are closed

function element(name, className, text = "") {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

function show({ level, text }) {
  const toast = element("div", `toast notice notice-${level}`);
  const close = element("button", "btn-close");
  close.type = "button";
  close.dataset.bsDismiss = "toast";
  close.setAttribute("aria-label", "Close");
  toast.append(element("p", "", text), close);
  toast.addEventListener("hidden.bs.toast", () => toast.remove());
  document.getElementById("toasts").append(toast);
  new Toast(toast, { autohide: level !== "error", delay: SHOWN }).show();
}

// A piece that asks every second must not complain every second.
function complain(text) {
  const known = [...document.querySelectorAll("#toasts p")].some((shown) => shown.textContent === text);
  if (!known) show({ level: "error", text });
}

document.addEventListener("toasts", (event) => event.detail.messages.forEach(show));
document.addEventListener("htmx:sendError", () => complain("The server does not answer. What you see may be old."));
document.addEventListener("htmx:responseError", (event) => {
  const { status } = event.detail.xhr;
  if (event.detail.xhr.getResponseHeader("HX-Trigger")) return; // it says itself what is wrong
  if (status === 401) complain("You are signed out. Sign in again in another tab; what you typed here stays.");
  else complain(`That did not work: the server answered ${status}. Nothing on this page was changed.`);
});
