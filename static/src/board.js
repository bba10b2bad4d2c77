// The board of a repository: scripts are dragged to order a lane, and from the picker into one. What was dragged is sent
// at once by a form of the lane; the answer is the whole board. Buttons do the same without a pointer, or without script.
import Sortable from "sortablejs";

const BOARD = "script-lanes";
const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
const dragged = {
  forceFallback: true, // pointer events: the same way for mouse and touch
  fallbackOnBody: true,
  fallbackTolerance: 3,
  animation: calm ? 0 : 120,
  ghostClass: "drag-place",
  chosenClass: "drag-chosen",
};

const fits = (item, list) => (item.dataset.hooks ?? "").split(" ").includes(list.dataset.lane);

let undo = () => {}; // puts the board back as it was, where the server did not answer

function send(form, values, name) {
  for (const [field, value] of Object.entries(values)) form.elements[field].value = value;
  htmx.trigger(form, name);
}

function makeLane(list) {
  const hook = list.dataset.lane;
  let before = [];
  const sortable = Sortable.create(list, {
    ...dragged,
    dataIdAttr: "data-assignment",
    draggable: "[data-assignment]",
    group: { name: hook, pull: false, put: (to, from, item) => fits(item, list) },
    handle: ".grip",
    onStart: () => {
      before = sortable.toArray();
    },
    onUpdate: ({ item }) => {
      undo = () => sortable.sort(before);
      send(document.getElementById(`order-${hook}`), { moved: item.dataset.assignment }, "reorder");
    },
    onAdd: ({ item }) => {
      const at = [...list.children].filter((one) => one === item || one.dataset.assignment).indexOf(item);
      undo = () => item.remove();
      send(document.getElementById(`drop-${hook}`), { script: item.dataset.script, at }, "dropped");
    },
  });
}

function makePicker(list) {
  Sortable.create(list, { ...dragged, draggable: "[data-script]", group: { name: "picker", pull: "clone", put: false }, sort: false });
}

function enhance() {
  for (const list of document.querySelectorAll("[data-lane]")) if (!Sortable.get(list)) makeLane(list);
  for (const list of document.querySelectorAll("[data-picker]")) if (!Sortable.get(list)) makePicker(list);
}

// What was unfolded on a card stays so when the board is drawn anew.
let unfolded = [];

document.addEventListener("htmx:beforeSwap", ({ target }) => {
  if (target.id === BOARD) unfolded = [...target.querySelectorAll("details[id][open]")].map((one) => one.id);
});
document.addEventListener("htmx:afterSettle", () => {
  for (const id of unfolded) document.getElementById(id)?.setAttribute("open", "");
  unfolded = [];
  enhance();
});
for (const failed of ["htmx:sendError", "htmx:responseError"]) {
  document.addEventListener(failed, ({ target }) => {
    if (target.classList.contains("board-form")) undo();
  });
}
enhance();
