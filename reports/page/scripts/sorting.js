"use strict";
/* Tables whose head cells become buttons that sort the rows of each group by the full value of a column. */
{
  const valueOf = (row, column) => {
    const cell = row.children[column];
    return cell.dataset.value ?? cell.textContent.trim();
  };

  /* Numbers by size, words by the alphabet, what is missing last whichever way. */
  const order = (column, direction) => (a, b) => {
    const [x, y] = [valueOf(a, column), valueOf(b, column)];
    if (x === "" || y === "") return (x === "") - (y === "");
    const [p, q] = [Number(x), Number(y)];
    const difference = Number.isNaN(p) || Number.isNaN(q) ? x.localeCompare(y, "en", { numeric: true }) : p - q;
    return direction * difference;
  };

  /* A line of headings above the columns' own may come first. */
  const headsOf = (table) => [...table.tHead.rows[table.tHead.rows.length - 1].children];

  const sort = (table, head, column) => {
    const before = head.getAttribute("aria-sort");
    const first = head.dataset.first === "descending" ? "descending" : "ascending";
    const other = first === "ascending" ? "descending" : "ascending";
    const now = before === first ? other : first;
    for (const one of headsOf(table)) one.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", now);
    for (const body of table.tBodies) {
      const rows = [...body.rows].filter((row) => row.children.length === headsOf(table).length);
      rows.sort(order(column, now === "ascending" ? 1 : -1));
      // Lines between label fractions mean nothing in another order.
      for (const row of rows) row.classList.remove("turn");
      body.append(...rows);
    }
  };

  for (const table of document.querySelectorAll("table[data-sortable]")) {
    headsOf(table).forEach((head, column) => {
      const button = report.make("button", { type: "button", class: "sort" });
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => sort(table, head, column));
    });
  }
}
