// Text that was typed and not saved outlives its page in this tab: a session that ended, a fresh sign-in, a wrong click.
// With it goes the version from which the editing began, so that what others saved meanwhile is a conflict as ever.

const PREFIX = "draft:";
const PAUSE = 500; // ms

function read(key) {
  try {
    return JSON.parse(sessionStorage.getItem(key));
  } catch {
    return null;
  }
}

function write(key, draft) {
  try {
    sessionStorage.setItem(key, JSON.stringify(draft));
  } catch {
    // no room, or no storage: the page still asks before it is left
  }
}

// Drafts that were sent from another page have arrived there, for this is where it led.
function forgetArrived(key) {
  for (const other of Object.keys(sessionStorage)) {
    if (other.startsWith(PREFIX) && other !== key && read(other)?.sent) sessionStorage.removeItem(other);
  }
}

export function keepDraft(form, view) {
  const key = PREFIX + location.pathname;
  const offer = form.querySelector("[data-draft]");
  let timer;

  const text = () => view.state.doc.toString();
  const keep = (sent) => write(key, { text: text(), base: form.elements.sha256?.value, at: Date.now(), sent });
  const forget = () => {
    clearTimeout(timer);
    sessionStorage.removeItem(key);
    offer.hidden = true;
  };

  function take() {
    const draft = read(key);
    if (form.elements.sha256 && draft.base) form.elements.sha256.value = draft.base;
    view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: draft.text } });
    offer.hidden = true;
    view.focus();
  }

  const found = read(key);
  forgetArrived(key);
  if (found && found.text !== text()) {
    offer.querySelector("[data-draft-time]").textContent = new Date(found.at).toLocaleTimeString();
    offer.hidden = false;
  }
  offer.querySelector("[data-draft-take]").addEventListener("click", take);
  offer.querySelector("[data-draft-drop]").addEventListener("click", forget);
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(keep, PAUSE, false);
  });
  return { forget, sent: () => keep(true) };
}
