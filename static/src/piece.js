import { tokenOf } from "./csrf.js";

// Asks the server for a piece of the page, made of what the form holds now; null where there is no answer to use.

export async function ask(form, url, fields, { whole = false } = {}) {
  const body = whole ? new FormData(form) : new FormData();
  body.set("csrfmiddlewaretoken", tokenOf(form));
  for (const [name, value] of Object.entries(fields)) body.set(name, value);
  try {
    const answer = await fetch(url, { method: "POST", body, redirect: "manual" });
    return answer.ok ? new DOMParser().parseFromString(await answer.text(), "text/html") : null;
  } catch {
    return null; // the page is being left, or the server is away: what is typed stays typed
  }
}
