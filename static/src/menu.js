// The account menu is a <details>, so it opens without script; with it, it also closes as menus do.

function close(menu, focus) {
  menu.open = false;
  if (focus) menu.querySelector("summary").focus();
}

const opened = () => document.querySelector("details.account[open]");

document.addEventListener("click", (event) => {
  const menu = opened();
  if (menu && !menu.contains(event.target)) close(menu, false);
});
document.addEventListener("keydown", (event) => {
  const menu = opened();
  if (menu && event.key === "Escape") close(menu, true);
});
