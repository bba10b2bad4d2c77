// A sign-in in another tab gives this browser a new token. The one in this page is refused from then on, and what was
// typed here could not be saved; so whatever is sent takes the current one along.

const NAME = "csrfmiddlewaretoken";

function current() {
  return document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1];
}

// The token of a form, renewed in its hidden field.
export function tokenOf(form) {
  const field = form.elements.namedItem(NAME);
  if (field && current()) field.value = current();
  return field?.value;
}

document.addEventListener("submit", (event) => tokenOf(event.target), { capture: true });
document.addEventListener("htmx:configRequest", (event) => {
  const { headers, parameters } = event.detail;
  if (!current()) return;
  headers["X-CSRFToken"] = current();
  if (NAME in parameters) parameters[NAME] = current();
});
