// What moves on the page: listeners on the document, as Gradio redraws its parts.
// Gradio measures its tabs before the styles are there, and may hide one that has room: measure again.
document.fonts.ready.then(() => setTimeout(() => dispatchEvent(new Event("resize")), 100));

// An image pasted from the clipboard is uploaded.
document.addEventListener("paste", (event) => {
  const zone = document.querySelector("#film-input input[type=file]");
  if (!zone || !event.clipboardData.files.length) return;
  zone.files = event.clipboardData.files;
  zone.dispatchEvent(new Event("change", { bubbles: true }));
});
