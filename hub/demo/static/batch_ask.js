// js_on_load of Gradio's HTML components of a batch: what batch.js asks for is a select event, and what was
// drawn anew is said to it.
element.addEventListener("ask", (event) => trigger("select", event.detail));
watch("value", () => element.dispatchEvent(new CustomEvent("drawn", { bubbles: true })));
