// What is not saved yet: the form says so, Ctrl-S saves it, leaving asks.
// The form is saved by htmx, or, without hx-post, by leaving the page.

const SAVED = 200; // 409 and 422 are answers too

export function watchChanges(form, draft) {
  const place = form.querySelector("[data-unsaved-words]");
  let changes = "unsaved" in form.dataset ? 1 : 0;
  let sent = 0;

  function set(number) {
    changes = number;
    const words = changes ? "Unsaved changes" : "";
    if (place.textContent !== words) place.textContent = words;
  }

  form.addEventListener("input", () => set(changes + 1));
  form.addEventListener("submit", () => {
    sent = changes;
    if (form.hasAttribute("hx-post")) return;
    draft.sent();
    set(0);
  });
  form.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.elt !== form || event.detail.xhr.status !== SAVED || changes !== sent) return;
    draft.forget();
    set(0);
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-give-up]")) return;
    draft.forget();
    set(0);
  });
  window.addEventListener("beforeunload", (event) => {
    if (changes) event.preventDefault();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "s" || !(event.ctrlKey || event.metaKey) || event.altKey) return;
    event.preventDefault();
    form.requestSubmit();
  });
  set(changes);
}
