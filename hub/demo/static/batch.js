// The table of a batch: a click on a header sorts.
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
