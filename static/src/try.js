// The panel in which a script is tried: the form of the editor saves and tries in one step, and what runs is followed.
const form = document.getElementById("script-form");
const button = () => document.getElementById("try-button");

// htmx goes by the button that has the focus. Ctrl-S must save, also while that is the one which tries.
document.addEventListener("htmx:configRequest", (event) => {
  if (!form || event.detail.elt !== form) return;
  const pressed = event.detail.triggeringEvent?.submitter;
  event.detail.path = pressed?.getAttribute("formaction") ?? form.getAttribute("hx-post");
});

// The panel stands in that form, but what is typed there is not to be saved.
document.getElementById("try")?.addEventListener("input", (event) => event.stopPropagation());

// Enter in a field of the panel tries; without this it would press the first button of the form.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !event.target.matches("#try-form input")) return;
  event.preventDefault();
  button().click();
});

// The fields of the values stay as they are, with what was typed, while the script takes the same ones; other ones are
// folded as those were.
document.addEventListener("htmx:oobBeforeSwap", (event) => {
  const { target, fragment } = event.detail;
  if (target.id !== "try-values") return;
  const answer = fragment.querySelector("#try-values");
  if (answer?.dataset.declared === target.dataset.declared) event.detail.shouldSwap = false;
  else if (target.querySelector("details")?.open) answer?.querySelector("details")?.setAttribute("open", "");
});

// A run that has begun is brought into view, where it is not beside the editor.
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.target.id === "try-run") event.target.scrollIntoView({ block: "nearest" });
});

// --- the pause of a pair ----------------------------------------------------------------------------------------------
const ends = new WeakMap();

function words(seconds) {
  const minutes = Math.floor(seconds / 60);
  return [minutes && `${minutes} min`, (seconds % 60 || !minutes) && `${seconds % 60} s`].filter(Boolean).join(" ");
}

function count(place) {
  if (!ends.has(place)) ends.set(place, performance.now() + place.dataset.countdown * 1000);
  const left = Math.max(0, Math.round((ends.get(place) - performance.now()) / 1000));
  place.textContent = words(left);
}

if (form) setInterval(() => document.querySelectorAll("[data-countdown]").forEach(count), 250);
