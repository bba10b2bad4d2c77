// What the server finds in the text: marks in the gutter, and a list below the editor that works without this as well.
import { EditorView } from "@codemirror/view";
import { linter, lintGutter } from "@codemirror/lint";
import { ask } from "./piece.js";

const PAUSE = 600; // ms without typing
const SEVERITIES = { error: "error", warning: "warning", info: "info", style: "hint" };

// The server counts characters, the editor counts UTF-16 units.
function offset(doc, line, column) {
  const { from, text } = doc.line(Math.min(Math.max(line, 1), doc.lines));
  return from + [...text].slice(0, Math.max(column - 1, 0)).join("").length;
}

function diagnostic(doc, { line, column, endLine, endColumn, level }, text, rule) {
  const from = offset(doc, +line, +column);
  const end = +endLine ? offset(doc, +endLine, +endColumn) : from;
  const to = end > from ? end : doc.lineAt(from).to;
  return { from, to: Math.max(from, to), severity: SEVERITIES[level] ?? "info", message: text, source: rule };
}

// The sentence stays the same element, so that a screen reader hears how it changes.
function show(fresh) {
  const shown = document.getElementById("script-lint");
  const [status, said] = [shown, fresh].map((piece) => piece.querySelector("[role=status]"));
  if (status.textContent !== said.textContent) status.textContent = said.textContent;
  shown.querySelector("ul")?.remove();
  const list = fresh.querySelector("ul");
  if (list) shown.append(list);
  return shown;
}

export function lintBy(form) {
  const url = form.querySelector("[data-lint-url]").dataset.lintUrl;

  async function look(view) {
    const { doc } = view.state;
    const answer = await ask(form, url, { content: doc.toString() });
    if (!answer || doc !== view.state.doc) return [];
    const list = show(answer.getElementById("script-lint")).querySelectorAll("[data-level]");
    return [...list].map((one) =>
      diagnostic(doc, one.dataset, one.querySelector("[data-text]").textContent, one.querySelector("[data-rule]").textContent),
    );
  }

  return [linter(look, { delay: PAUSE }), lintGutter()];
}

// A click on a line number of a list leads there.
export function goToLines(form, view) {
  form.addEventListener("click", (event) => {
    const link = event.target.closest("[data-go]");
    if (!link) return;
    event.preventDefault();
    const { line, column } = link.closest("[data-line]").dataset;
    const place = offset(view.state.doc, +line, +(column ?? 1));
    view.dispatch({ selection: { anchor: place }, effects: EditorView.scrollIntoView(place, { y: "center" }) });
    view.focus();
  });
}
