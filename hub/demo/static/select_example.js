// js_on_load of Gradio's HTML component with examples: a click on one is a select event with its number.
element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-example]");
  if (button) trigger("select", { index: Number(button.dataset.example) });
});
