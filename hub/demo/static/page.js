// The frame of the page: tabs, dropped and pasted files, snippets. Listeners sit on the document, as Gradio
// redraws its parts.
// Gradio measures its tabs before the styles are there, and may hide one that has room: measure again.
document.fonts.ready.then(() => setTimeout(() => dispatchEvent(new Event("resize")), 100));

// The open tab is in the address, so that links to it, Back and Forward work.
const FIRST = "image";
const viewOf = (tab) => tab?.id.replace(/^view-|-button$/g, "");
const inAddress = () => new URLSearchParams(location.search).get("view") ?? FIRST;
const openView = () => viewOf(document.querySelector("[role=tab][aria-selected=true][id^=view-]"));
const show = (view) => document.getElementById(`view-${view}-button`)?.click();

document.addEventListener("click", (event) => {
  const view = viewOf(event.target.closest("[role=tab][id^=view-]"));
  if (!view || view === inAddress()) return;
  const address = new URL(location.href);
  if (view === FIRST) address.searchParams.delete("view");
  else address.searchParams.set("view", view);
  history.pushState({}, "", address);
});
addEventListener("popstate", () => show(inAddress()));

// Call `act` with what `find` finds, as soon as Gradio has drawn it.
const soon = (find, act, tries = 100) => {
  const found = find();
  if (found) act(found);
  else if (tries) setTimeout(() => soon(find, act, tries - 1), 50);
};
if (inAddress() !== FIRST) soon(openView, () => show(inAddress()));

document.addEventListener("keydown", (event) => {
  const tab = event.target.closest?.("[role=tab]");
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!tab || !step) return;
  const tabs = [...tab.parentElement.querySelectorAll("[role=tab]")];
  const next = tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length];
  next.focus();
  next.click();
  event.preventDefault();
});

// Files that are dropped or pasted anywhere go to the zone of the open tab; several, or a ZIP, to the batch.
const ZONES = { image: "#film-input input[type=file]", batch: "#batch-input input[type=file]" };
const hand = (files, view) => {
  const transfer = new DataTransfer();
  for (const file of files) transfer.items.add(file);
  soon(() => document.querySelector(ZONES[view]), (input) => {
    input.files = transfer.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  });
};
document.addEventListener("batch-given", ({ detail }) => {
  show("batch");
  hand(detail, "batch");
});
document.addEventListener("paste", ({ clipboardData }) => {
  if (clipboardData?.files.length && ZONES[openView()]) hand(clipboardData.files, openView());
});
const isOurs = (event) =>
  event.dataTransfer?.types.includes("Files") && ZONES[openView()] && !event.target.closest?.("#batch-input");
for (const kind of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    if (!isOurs(event)) return;
    event.preventDefault();
    document.querySelector("#film-input")?.classList.toggle("over", kind === "dragover");
    if (kind === "drop" && event.dataTransfer.files.length) hand(event.dataTransfer.files, openView());
  });
}

// Snippets name this page's own address, and are copied by their buttons.
new MutationObserver(() => {
  for (const place of document.querySelectorAll("[data-address]:not([data-filled])")) {
    place.dataset.filled = true;
    place.textContent = (location.origin + location.pathname).replace(/\/$/, "");
  }
}).observe(document.body, { childList: true, subtree: true });

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const code = button.closest(".snippet").querySelector("code");
  try {
    await navigator.clipboard.writeText(code.textContent);
  } catch { // not over plain HTTP
    getSelection().selectAllChildren(code);
    document.execCommand("copy");
  }
  const name = button.textContent;
  button.textContent = button.dataset.copied;
  setTimeout(() => (button.textContent = name), 2000);
});
