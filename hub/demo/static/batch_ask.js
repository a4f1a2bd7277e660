// js_on_load of Gradio's HTML components of a batch: what batch.js asks for is a select event, and what was
// drawn anew is said to it.
// While an answer is awaited, Gradio keeps back the latest event, and then sends the first one's data once more:
// as these are one object, it holds the latest.
const asked = {};
element.addEventListener("ask", (event) => {
  for (const name in asked) delete asked[name];
  trigger("select", Object.assign(asked, event.detail));
});
watch("value", () => element.dispatchEvent(new CustomEvent("drawn", { bubbles: true })));
