// The menus on top are <details>, so they open without script; with it, they also close as menus do.

function close(menu, focus) {
  menu.open = false;
  if (focus) menu.querySelector("summary").focus();
}

const opened = () => document.querySelector("details.drop[open]");

document.addEventListener("click", (event) => {
  const menu = opened();
  if (menu && !menu.contains(event.target)) close(menu, false);
});
document.addEventListener("keydown", (event) => {
  const menu = opened();
  if (menu && event.key === "Escape") close(menu, true);
});
