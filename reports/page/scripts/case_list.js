"use strict";
/* A list of which one entry is chosen, with the pointer or the arrow keys. */
report.caseList = (host, chosen) => {
  let order = [];
  let current = null;

  const entry = (place) => document.getElementById(`case-entry-${place}`);

  const choose = (place, tell = true) => {
    if (current !== null) entry(current)?.setAttribute("aria-selected", "false");
    current = place;
    const element = entry(place);
    element.setAttribute("aria-selected", "true");
    host.setAttribute("aria-activedescendant", element.id);
    // Only the list itself scrolls, never the page.
    const [top, bottom] = [element.offsetTop, element.offsetTop + element.offsetHeight];
    if (top < host.scrollTop) host.scrollTop = top;
    else if (bottom > host.scrollTop + host.clientHeight) host.scrollTop = bottom - host.clientHeight;
    if (tell) chosen(place);
  };

  const step = (by) => choose(order[Math.min(Math.max(order.indexOf(current) + by, 0), order.length - 1)]);

  host.addEventListener("keydown", (event) => {
    const by = { ArrowUp: -1, ArrowDown: 1, PageUp: -8, PageDown: 8, Home: -order.length, End: order.length }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    step(by);
  });
  host.addEventListener("click", (event) => {
    const element = event.target.closest("[role=option]");
    if (element) choose(Number(element.dataset.place));
  });

  return {
    /* Show entries (place, name, score) in their order; the one that was chosen stays so. */
    show(entries) {
      order = entries.map((one) => one.place);
      host.replaceChildren(...entries.map((one) =>
        report.make("li", { role: "option", id: `case-entry-${one.place}`, "data-place": one.place, "aria-selected": "false" },
          report.make("span", { class: "name" }, one.name), report.make("span", { class: "score" }, one.score))));
      choose(current ?? order[0], false);
    },
    step,
    choose,
    position: () => order.indexOf(current) + 1,
    get current() { return current; },
  };
};
