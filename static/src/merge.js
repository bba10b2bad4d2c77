// After a conflict: both versions in one text, put into the editor, where it can be undone like anything typed.
// From then on what is saved replaces the version that was seen here. Without script a page of its own does the same.

export function takeMerged(form, view) {
  form.addEventListener("click", (event) => {
    const button = event.target.closest("[data-merge]");
    if (!button) return;
    event.preventDefault();
    const words = form.querySelector("[data-merged-words]");
    const text = words.querySelector("[data-merged]").value;
    form.elements.sha256.value = button.dataset.merge;
    form.querySelector("[data-conflict]").remove();
    words.hidden = false;
    view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
    const mark = /^<<<<<<< yours$/m.exec(text);
    view.dispatch({ selection: { anchor: mark?.index ?? 0 }, scrollIntoView: true });
    view.focus();
  });
}
