// The work list of a batch. The server draws it: it is asked for another view, or to open an X-ray.
const ask = (element, data) => element.dispatchEvent(new CustomEvent("ask", { bubbles: true, detail: data }));

const view = () => JSON.parse(document.querySelector(".batch").dataset.view);

let typing;

const show = (change) => {
  clearTimeout(typing); // what is typed is asked for now
  const batch = document.querySelector(".batch");
  const search = batch.querySelector(".search").value;
  const asked = { ...view(), search, page: 0, ...change };
  batch.dataset.view = JSON.stringify(asked); // what is asked for next builds upon it
  ask(batch, asked);
};

// A header sorts one way, then the other, then not at all; probabilities begin with the highest.
const sort = (name) => {
  const { sort: now, descending } = view();
  const first = name === "probability";
  if (now !== name) show({ sort: name, descending: first });
  else if (descending === first) show({ descending: !first });
  else show({ sort: "", descending: false });
};

const open = (index) => {
  const dialog = document.querySelector(".batch-film");
  if (dialog.matches(":modal") && dialog.ariaBusy === "true") return;
  dialog.ariaBusy = "true"; // until the answer has come, no other X-ray is seen
  if (!dialog.matches(":modal")) dialog.showModal();
  ask(dialog, { index: Number(index) });
};

const save = () => {
  const csv = JSON.parse(document.querySelector("[data-csv]").dataset.csv);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([csv], { type: "text/csv" }));
  link.download = "answers.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
};

document.addEventListener("click", (event) => {
  const dialog = event.target.closest(".batch-film");
  const button = event.target.closest("button");
  if (button?.ariaDisabled === "true") return;
  if (dialog) {
    if (button?.dataset.open) open(button.dataset.open);
    if (button?.classList.contains("close") || event.target === dialog) dialog.close(); // or beside it
  } else if (event.target.closest(".batch tr[data-index] details")) {
    return;
  } else if (event.target.closest(".batch tr[data-index]")?.querySelector(".open")) {
    open(event.target.closest("tr").dataset.index);
  } else if (button?.matches(".batch .chip")) {
    show({ group: button.ariaPressed === "true" ? "" : button.dataset.group });
  } else if (button?.matches(".batch thead button")) {
    sort(button.dataset.sort);
  } else if (button?.matches(".batch .pages button")) {
    show({ page: Number(button.dataset.page) });
    document.querySelector(".batch").scrollIntoView();
  } else if (button?.matches(".save")) {
    save();
  } else if (button?.matches(".batch-progress .stop")) {
    ask(button, {});
  }
});

document.addEventListener("input", (event) => {
  if (!event.target.matches(".batch .search")) return;
  clearTimeout(typing);
  typing = setTimeout(() => show({}), 200);
});

document.addEventListener("change", (event) => {
  const choice = event.target.closest(".batch .sort select")?.selectedOptions[0];
  if (choice) show({ sort: choice.dataset.sort, descending: choice.dataset.descending === "true" });
});

document.addEventListener("keydown", (event) => {
  const dialog = document.querySelector(".batch-film:modal");
  const name = { ArrowLeft: ".previous", ArrowRight: ".next" }[event.key];
  if (dialog && name) dialog.querySelector(name)?.click();
});

document.addEventListener("drawn", () => {
  const dialog = document.querySelector(".batch-film");
  if (dialog?.open && !dialog.matches(":modal")) dialog.close(); // closed before the answer came
  // Gradio changes what is chosen by its attribute alone, which does nothing after a visitor has chosen.
  const choice = document.querySelector(".batch .sort option[selected]");
  if (choice) choice.selected = true;
});
