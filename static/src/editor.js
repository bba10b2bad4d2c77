// The editor of the scripts pages, over a plain textarea that works without it, in the form with the id `script-form`.
// Styles carry the page's nonce; colours are the variables of style.css.
import { Compartment, EditorState, Prec } from "@codemirror/state";
import {
  EditorView,
  crosshairCursor,
  drawSelection,
  dropCursor,
  highlightActiveLine,
  highlightActiveLineGutter,
  highlightSpecialChars,
  keymap,
  lineNumbers,
  rectangularSelection,
} from "@codemirror/view";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import {
  HighlightStyle,
  StreamLanguage,
  bracketMatching,
  indentOnInput,
  indentUnit,
  syntaxHighlighting,
} from "@codemirror/language";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { python } from "@codemirror/lang-python";
import { shell } from "@codemirror/legacy-modes/mode/shell";
import { tags } from "@lezer/highlight";
import { followBlock } from "./block.js";
import { keepDraft } from "./draft.js";
import { goToLines, lintBy } from "./lint.js";
import { takeMerged } from "./merge.js";
import { watchChanges } from "./unsaved.js";

const nonce = document.currentScript?.nonce ?? "";

const colours = HighlightStyle.define([
  { tag: [tags.keyword, tags.controlKeyword, tags.operatorKeyword], color: "var(--accent)", fontWeight: "600" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--ok)" },
  { tag: tags.comment, color: "var(--idle)", fontStyle: "italic" },
  { tag: [tags.number, tags.bool, tags.atom], color: "var(--warning)" },
  { tag: [tags.definition(tags.variableName), tags.function(tags.variableName)], color: "var(--warning)" },
  { tag: tags.standard(tags.variableName), color: "var(--accent)" },
  { tag: tags.meta, color: "var(--idle)" },
]);

const tint = (share) => `rgba(var(--accent-rgb), ${share})`;
const look = EditorView.theme({
  "&": {
    backgroundColor: "var(--surface)",
    color: "var(--bs-body-color)",
    border: "1px solid var(--bs-border-color)",
    borderRadius: "var(--bs-border-radius)",
  },
  "&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "1px" },
  ".cm-scroller": {
    fontFamily: "var(--bs-font-monospace)",
    fontSize: "0.875rem",
    lineHeight: "1.5",
    minHeight: "16rem",
    maxHeight: "65vh",
  },
  ".cm-content": { caretColor: "var(--bs-body-color)" },
  ".cm-gutters": { backgroundColor: "var(--page)", color: "var(--idle)", borderRight: "1px solid var(--bs-border-color)" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: tint(0.07) },
  ".cm-cursor": { borderLeftColor: "var(--bs-body-color)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    background: tint(0.25),
  },
  "&.cm-focused .cm-matchingBracket": { backgroundColor: tint(0.2), outline: "1px solid var(--accent)" },
  ".cm-selectionMatch": { backgroundColor: tint(0.15) },
  ".cm-searchMatch": { backgroundColor: tint(0.2), outline: "1px solid var(--accent)" },
  ".cm-searchMatch-selected": { backgroundColor: tint(0.4) },
  ".cm-panels": { backgroundColor: "var(--page)", color: "var(--bs-body-color)", borderColor: "var(--bs-border-color)" },
  ".cm-panel.cm-search": { padding: "0.5rem 2rem 0.5rem 0.5rem" },
  ".cm-panel.cm-search label": { fontSize: "0.875rem", minHeight: "1.5rem" },
  ".cm-textfield, .cm-button": {
    fontSize: "0.875rem",
    minHeight: "1.75rem",
    color: "var(--bs-body-color)",
    background: "var(--surface)",
    border: "1px solid var(--bs-border-color)",
    borderRadius: "0.25rem",
  },
  ".cm-tooltip": {
    backgroundColor: "var(--surface)",
    color: "var(--bs-body-color)",
    border: "1px solid var(--bs-border-color)",
    borderRadius: "0.25rem",
    fontSize: "0.875rem",
    maxWidth: "32rem",
  },
  ".cm-diagnosticSource": { fontSize: "0.8125rem", opacity: "1", color: "var(--idle)" },
  ".cm-diagnostic-error": { borderLeftColor: "var(--failed)" },
  ".cm-diagnostic-warning": { borderLeftColor: "var(--warning)" },
  ".cm-diagnostic-info, .cm-diagnostic-hint": { borderLeftColor: "var(--idle)" },
  ".cm-gutter-lint": { width: "1.125rem" },
  ".cm-lint-marker": { content: "normal !important", width: "1rem", textAlign: "center", fontWeight: "700" },
  ".cm-lint-marker-error": { color: "var(--failed)" },
  ".cm-lint-marker-error::before": { content: '"×"' },
  ".cm-lint-marker-warning": { color: "var(--warning)" },
  ".cm-lint-marker-warning::before": { content: '"!"' },
  ".cm-lint-marker-info, .cm-lint-marker-hint": { color: "var(--idle)" },
  ".cm-lint-marker-info::before, .cm-lint-marker-hint::before": { content: '"i"' },
  ".cm-lintRange": { backgroundImage: "none", textDecoration: "underline wavy", textUnderlineOffset: "3px" },
  ".cm-lintRange-error": { textDecorationColor: "var(--failed)" },
  ".cm-lintRange-warning": { textDecorationColor: "var(--warning)" },
  ".cm-lintRange-info, .cm-lintRange-hint": { textDecorationColor: "var(--idle)" },
  ".cm-panel.cm-search [name=close]": { color: "var(--bs-body-color)", width: "1.75rem", height: "1.75rem" },
});

// --- the language, by the first line ---------------------------------------------------------------------------------
const ofShell = StreamLanguage.define(shell);

function languageOf(firstLine) {
  if (!firstLine.startsWith("#!") || /\b(ba|da|a|k|z)?sh\b/.test(firstLine)) return "shell";
  return /\bpython[\d.]*\b/.test(firstLine) ? "python" : "none";
}

const supports = { shell: () => ofShell, python, none: () => [] };
const language = new Compartment();

const interpreterOf = (firstLine) => (firstLine.startsWith("#!") ? firstLine.slice(2).trim() : "/bin/sh");

function followFirstLine() {
  let shown = "";
  const place = document.querySelector("[data-interpreter]");
  return (state) => {
    const first = state.doc.line(1).text;
    const [wanted, interpreter] = [languageOf(first), interpreterOf(first)];
    if (place && place.textContent !== interpreter) place.textContent = interpreter;
    if (wanted === shown) return null;
    shown = wanted;
    return language.reconfigure(supports[wanted]());
  };
}

// --- the editor over its textarea ------------------------------------------------------------------------------------
const PATIENCE = 10_000; // ms between Escape and Tab; any other key ends it

function letTabLeave(view) {
  view.setTabFocusMode(PATIENCE);
  return false;
}

// Left alone, the browser keeps the colours of what is typed over by inline styles, which the page's policy refuses.
function typeOver(event, view) {
  if (event.inputType !== "insertText" || !event.data || event.isComposing) return false;
  if (view.state.readOnly || view.state.selection.ranges.every((range) => range.empty)) return false;
  view.dispatch(view.state.replaceSelection(event.data), { userEvent: "input.type", scrollIntoView: true });
  return true;
}

function enhance(textarea, lint) {
  const label = document.querySelector(`label[for="${textarea.id}"]`);
  const follow = followFirstLine();
  const view = new EditorView({
    doc: textarea.value,
    extensions: [
      EditorView.cspNonce.of(nonce),
      lineNumbers(),
      highlightActiveLineGutter(),
      highlightSpecialChars(),
      history(),
      drawSelection(),
      dropCursor(),
      EditorState.allowMultipleSelections.of(true),
      rectangularSelection(),
      crosshairCursor(),
      indentOnInput(),
      indentUnit.of("    "),
      bracketMatching(),
      highlightActiveLine(),
      highlightSelectionMatches(),
      search({ top: true }),
      syntaxHighlighting(colours),
      look,
      language.of([]),
      lint,
      // Tab indents; Escape, then Tab leaves the editor: no keyboard trap (WCAG 2.1.2).
      Prec.highest(keymap.of([{ key: "Escape", run: letTabLeave }])),
      keymap.of([...searchKeymap, ...defaultKeymap, ...historyKeymap, indentWithTab]),
      EditorView.domEventHandlers({ beforeinput: typeOver }),
      EditorState.readOnly.of(textarea.readOnly),
      EditorView.contentAttributes.of({
        "aria-label": label?.textContent.trim() ?? "Text",
        "aria-describedby": "content-help content-error",
        spellcheck: "false",
        tabindex: "0",
      }),
      EditorView.updateListener.of((update) => {
        if (!update.docChanged) return;
        textarea.value = update.state.doc.toString();
        textarea.dispatchEvent(new Event("input", { bubbles: true }));
        repaint(update.state);
      }),
    ],
  });

  function repaint(state) {
    const effect = follow(state);
    if (effect) view.dispatch({ effects: effect });
  }

  repaint(view.state);
  textarea.after(view.dom);
  textarea.hidden = true;
  label?.addEventListener("click", () => view.focus());
  // A link to the textarea (an error in the summary) leads to the editor.
  window.addEventListener("hashchange", () => location.hash === `#${textarea.id}` && view.focus());
  return view;
}

// --- a text to read, in the colours of the editor ----------------------------------------------------------------------
function show(pre) {
  const view = new EditorView({
    doc: pre.textContent,
    extensions: [
      EditorView.cspNonce.of(nonce),
      lineNumbers(),
      highlightSpecialChars(),
      syntaxHighlighting(colours),
      look,
      supports[languageOf(pre.textContent.split("\n", 1)[0])](),
      EditorState.readOnly.of(true),
      EditorView.contentAttributes.of({ "aria-label": pre.dataset.viewer, "aria-readonly": "true", tabindex: "0" }),
    ],
  });
  pre.after(view.dom);
  pre.hidden = true;
}

document.querySelectorAll("pre[data-viewer]").forEach(show);

// --- the page -------------------------------------------------------------------------------------------------------
const form = document.getElementById("script-form");
const textarea = form?.querySelector("textarea[data-editor]");
if (textarea) {
  const view = enhance(textarea, lintBy(form));
  form.querySelectorAll("[data-with-editor]").forEach((words) => words.removeAttribute("hidden"));
  const draft = keepDraft(form, view);
  watchChanges(form, draft);
  goToLines(form, view);
  takeMerged(form, view);
  followBlock(form, view);
}
