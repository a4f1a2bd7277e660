// What moves on the page: listeners on the document, as Gradio redraws its parts.
() => {
  // Gradio measures its tabs before the styles are there, and may hide one that has room: measure again.
  document.fonts.ready.then(() => setTimeout(() => dispatchEvent(new Event("resize")), 100));

  document.addEventListener("input", (event) => {
    const slider = event.target.closest(".film input[type=range]");
    if (slider) slider.closest(".film").querySelector(".heat").style.opacity = slider.value / 100;
  });

  // Arrows move between the cells of a grid, of which Tab reaches one.
  document.addEventListener("keydown", (event) => {
    const grid = event.target.closest(".field .grid");
    if (!grid || !event.key.startsWith("Arrow")) return;
    const cells = [...grid.children];
    const columns = new Set(cells.map((cell) => cell.offsetLeft)).size;
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key];
    event.preventDefault();
    cells[cells.indexOf(event.target) + step]?.focus();
  });

  // An image pasted from the clipboard is uploaded.
  document.addEventListener("paste", (event) => {
    const zone = document.querySelector("#film-input input[type=file]");
    if (!zone || !event.clipboardData.files.length) return;
    zone.files = event.clipboardData.files;
    zone.dispatchEvent(new Event("change", { bubbles: true }));
  });

  document.addEventListener("click", (event) => {
    const button = event.target.closest(".batch thead button");
    if (!button) return;
    const header = button.parentElement;
    const order = header.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
    for (const other of header.parentElement.children) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", order);
    const body = header.closest("table").tBodies[0];
    const key = (row) => row.cells[header.cellIndex].dataset.sort;
    const rows = [...body.rows].sort((a, b) => {
      const [x, y] = [key(a), key(b)];
      return isNaN(x) || isNaN(y) ? x.localeCompare(y, undefined, { numeric: true }) : x - y;
    });
    body.append(...(order === "ascending" ? rows : rows.reverse()));
  });
}
