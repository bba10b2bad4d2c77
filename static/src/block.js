// The form of the block and the text follow each other; the server writes and reads both (see declaration.py).
import { ask } from "./piece.js";

const PAUSE = { read: 500, write: 350 }; // ms without typing
const BLOCK = /^# \/\/\/ borgui[ \t]*$[^]*?^# \/\/\/[ \t]*$/m;

const section = () => document.getElementById("script-block");
const blockOf = (text) => BLOCK.exec(text)?.[0] ?? "";

// Only what differs is replaced: cursor, marks and history of the editor stay.
function putText(view, text) {
  const old = view.state.doc.toString();
  let from = 0;
  let end = 0;
  const most = Math.min(old.length, text.length);
  while (from < most && old[from] === text[from]) from += 1;
  while (end < most - from && old[old.length - 1 - end] === text[text.length - 1 - end]) end += 1;
  if (from === old.length && from === text.length) return;
  view.dispatch({ changes: { from, to: old.length - end, insert: text.slice(from, text.length - end) } });
}

// --- the form takes what the server says ------------------------------------------------------------------------------
function replaceWhole(fresh) {
  const called = (one) => one.dataset.called;
  const open = new Set([...section().querySelectorAll("details[open]")].map(called));
  section().replaceWith(fresh);
  for (const one of fresh.querySelectorAll("details")) if (open.has(called(one))) one.open = true;
}

// Where somebody types only the errors change.
function takeErrors(old, fresh) {
  old.querySelectorAll(".invalid-feedback").forEach((one) => one.remove());
  const field = old.querySelector("input, select, textarea");
  const twin = fresh.querySelector("input, select, textarea");
  for (const name of ["class", "aria-invalid", "aria-describedby"]) {
    if (twin.hasAttribute(name)) field.setAttribute(name, twin.getAttribute(name));
    else field.removeAttribute(name);
  }
  fresh.querySelectorAll(".invalid-feedback").forEach((one) => field.parentNode.append(one));
}

function replaceFields(fresh) {
  for (const said of fresh.querySelectorAll("[data-said]")) document.getElementById(said.id)?.replaceWith(said);
  for (const field of fresh.querySelectorAll("[id^=div_id_]")) {
    const old = document.getElementById(field.id);
    if (!old) continue;
    if (old.contains(document.activeElement)) takeErrors(old, field);
    else old.replaceWith(field);
  }
  for (const hidden of fresh.querySelectorAll("input[type=hidden][id]")) {
    const old = document.getElementById(hidden.id);
    if (old) old.value = hidden.value;
  }
  const [old, now] = [section(), fresh].map((piece) => piece.querySelectorAll("details"));
  now.forEach((one, at) => old[at] && (old[at].dataset.called = one.dataset.called));
}

// After a button was pressed: to what it made or moved, never to the top of the page.
function focusAfter(action) {
  const verb = action.split(":")[0];
  const opened = section().querySelector("[data-opened]");
  const moved = verb === "up" || verb === "down";
  const same = moved && opened?.querySelector(`button[value^="${verb}:"]:enabled`);
  const place = same || (moved && opened?.querySelector("button:enabled")) || opened?.querySelector("input:not([type=hidden])");
  (place || document.getElementById("block-add"))?.focus();
}

// --- both ways --------------------------------------------------------------------------------------------------------
export function followBlock(form, view) {
  const text = () => view.state.doc.toString();
  let known = blockOf(text());
  let waiting = "";
  let timer;
  let asked = 0;
  let taking = false;
  let pressed = ""; // the button that is being answered
  let repeats = 0;

  function later(action) {
    waiting = waiting === "write" ? waiting : action;
    clearTimeout(timer);
    timer = setTimeout(send, PAUSE[waiting], waiting);
  }

  async function send(action) {
    clearTimeout(timer);
    waiting = "";
    const number = ++asked;
    const before = text();
    const answer = await ask(form, section().dataset.blockUrl, { content: before, action }, { whole: true });
    if (!answer || number !== asked) return;
    if (before !== text()) later(action === "read" ? "read" : "write");
    else take(action, answer);
  }

  function take(action, answer) {
    const fresh = answer.getElementById("script-block");
    const written = fresh.querySelector("[data-block-text]");
    const isNew = blockOf(written.value) !== known;
    taking = true;
    putText(view, written.value);
    taking = false;
    known = blockOf(written.value);
    written.remove();
    if (action === "write") return waiting || replaceFields(fresh);
    if (action !== "read") {
      replaceWhole(fresh);
      focusAfter(action);
      return again(action.split(":")[0]);
    }
    if (isNew || !document.getElementById("block-offers")) return replaceWhole(fresh);
    const offers = fresh.querySelector("#block-offers");
    if (offers) document.getElementById("block-offers").replaceWith(offers);
  }

  async function press(action) {
    pressed = action;
    await send(action);
    pressed = "";
  }

  // Pressed twice before there was an answer: the second press is one of the button that has taken its place.
  function again(verb) {
    const next = document.activeElement;
    const isSame = repeats > 0 && next.matches(`#script-block button[value^="${verb}:"]`);
    repeats = isSame ? repeats - 1 : 0;
    if (isSame) setTimeout(press, 0, next.value);
  }

  form.addEventListener("input", (event) => {
    if (section().contains(event.target)) later("write");
    else if (event.target.matches("[data-editor]") && !taking) later("read");
  });
  form.addEventListener("click", (event) => {
    const button = event.target.closest("#script-block button[name=action]");
    if (!button) return;
    event.preventDefault();
    if (pressed) repeats += button.value === pressed ? 1 : 0;
    else press(button.value);
  });
}
