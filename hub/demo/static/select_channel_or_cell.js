// js_on_load of Gradio's HTML components with channels or cells: a click on one presses it and is a select event.
const asked = {}; // one object, for the reason in batch_ask.js
element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-channel], [data-cell]");
  if (!button) return;
  for (const other of element.querySelectorAll("[aria-pressed]")) {
    other.setAttribute("aria-pressed", other === button);
    if (other.dataset.cell) other.tabIndex = other === button ? 0 : -1;
  }
  asked.index = button.dataset.channel ?? button.dataset.cell;
  trigger("select", asked);
});
