// Passkeys. A button with data-passkey (the address of the question) comes hidden, for only JavaScript can ask a device:
// it asks, puts the answer into the field that data-passkey-field names, and sends the form. With data-passkey-new a
// device makes a passkey instead of using one. Where the browser has none to offer, the buttons and what has
// data-with-passkey stay hidden, and what has data-without-passkey is shown.
import { tokenOf } from "./csrf.js";

const isHere = Boolean(window.PublicKeyCredential && navigator.credentials);

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

// What a browser says when nothing came of it; the names are those of the standard.
const WORDS = {
  NotAllowedError: "Nothing was confirmed: it was cancelled, took too long, or no passkey for this address is at hand.",
  InvalidStateError: "This device has a passkey for this account already.",
  NotSupportedError: "This device cannot make a passkey of a kind that works here.",
  SecurityError: "The browser allows no passkeys at this address.",
  TypeError: "The server did not answer. Try once more.",
};

async function asked(button) {
  const form = new FormData();
  form.set("csrfmiddlewaretoken", tokenOf(button.form));
  const answer = await fetch(button.dataset.passkey, { method: "POST", body: form });
  const isJson = answer.headers.get("Content-Type")?.startsWith("application/json");
  if (answer.ok && isJson) return answer.json();
  if (answer.status === 401) throw new Error("You are signed out. Sign in again in another tab, then try once more.");
  throw new Error(isJson ? (await answer.json()).detail : "The server did not answer as expected. Load the page again.");
}

const listed = (credentials = []) => credentials.map((one) => ({ ...one, id: bytes(one.id) }));

async function made(question) {
  const { challenge, user, excludeCredentials } = question;
  const publicKey = {
    ...question,
    challenge: bytes(challenge),
    user: { ...user, id: bytes(user.id) },
    excludeCredentials: listed(excludeCredentials),
  };
  const made = await navigator.credentials.create({ publicKey });
  return {
    ...common(made),
    response: {
      clientDataJSON: text(made.response.clientDataJSON),
      attestationObject: text(made.response.attestationObject),
      transports: made.response.getTransports?.() ?? [],
    },
  };
}

async function signed(question) {
  const { challenge, allowCredentials } = question;
  const publicKey = { ...question, challenge: bytes(challenge), allowCredentials: listed(allowCredentials) };
  const found = await navigator.credentials.get({ publicKey });
  const { clientDataJSON, authenticatorData, signature, userHandle } = found.response;
  return {
    ...common(found),
    response: {
      clientDataJSON: text(clientDataJSON),
      authenticatorData: text(authenticatorData),
      signature: text(signature),
      ...(userHandle ? { userHandle: text(userHandle) } : {}),
    },
  };
}

const common = ({ id, rawId, type }) => ({ id, rawId: text(rawId), type, clientExtensionResults: {} });

async function use(button) {
  const { form } = button;
  const isNew = "passkeyNew" in button.dataset;
  const words = form.querySelector("[data-passkey-words]");
  if (button.disabled || (isNew && !form.reportValidity())) return;
  button.disabled = true;
  words.textContent = "";
  try {
    const question = await asked(button);
    const answer = isNew ? await made(question) : await signed(question);
    const field = form.elements.namedItem(button.dataset.passkeyField);
    field.value = JSON.stringify(answer);
    form.noValidate = true; // the answer stands in for a password
    form.requestSubmit();
    field.value = ""; // it was sent, and opens once: whoever comes back here sends a password, or another one
    form.noValidate = false;
  } catch (problem) {
    words.textContent = WORDS[problem.name] ?? problem.message;
  } finally {
    button.disabled = false;
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-passkey]");
  if (button) use(button);
});
// Enter in the field for the name: the browser would send the form without a passkey.
document.addEventListener("submit", (event) => {
  const button = event.target.querySelector("button[data-passkey-new]");
  if (!button || event.target.elements.namedItem(button.dataset.passkeyField).value) return;
  event.preventDefault();
  use(button);
});
const hidden = isHere ? "[data-passkey][hidden], [data-with-passkey][hidden]" : "[data-without-passkey][hidden]";
document.querySelectorAll(hidden).forEach((element) => element.removeAttribute("hidden"));
