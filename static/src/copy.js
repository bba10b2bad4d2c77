// Buttons that only JavaScript can serve, so they come hidden: data-copy="ID of a text or a field", and data-print.
function reveal() {
  document.querySelectorAll("[data-copy][hidden], [data-print][hidden]").forEach((button) => button.removeAttribute("hidden"));
}

async function copy(button) {
  const source = document.getElementById(button.dataset.copy);
  const said = button.querySelector("span");
  const usual = said.textContent;
  const done = await put(source);
  said.textContent = done ? "Copied" : "Selected: press Ctrl and C";
  setTimeout(() => { said.textContent = usual; }, 4000);
}

// Without TLS, but for localhost, a browser gives no clipboard: then the text is selected.
async function put(source) {
  try {
    await navigator.clipboard.writeText(source.value ?? source.textContent);
    return true;
  } catch {
    if (source.select) source.select();
    else getSelection().selectAllChildren(source);
    return false;
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy], [data-print]");
  if (!button) return;
  if ("print" in button.dataset) window.print();
  else copy(button);
});
document.addEventListener("htmx:afterSettle", reveal);
reveal();
