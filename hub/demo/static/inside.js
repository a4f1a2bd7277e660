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
