// js_on_load of the card: its buttons invert or turn the film, which is answered anew.
element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-correction]");
  if (!button) return;
  const name = element.querySelector(".name").textContent;
  const run = () => {
    const token = `${Date.now()}`;
    document.dispatchEvent(new CustomEvent("film-reading", { detail: { name, token, again: run } }));
    trigger("correct", { how: button.dataset.correction, token });
  };
  run();
});
