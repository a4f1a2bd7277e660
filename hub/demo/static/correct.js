// js_on_load of the card: its buttons invert or turn the film, which is answered anew.
element.addEventListener("click", (event) => {
  const how = event.target.closest("[data-correction]")?.dataset.correction;
  if (!how) return;
  const name = element.querySelector(".name").textContent;
  const detail = { name, send: (token) => trigger("correct", { how, token }) };
  document.dispatchEvent(new CustomEvent("film-chosen", { detail }));
});
