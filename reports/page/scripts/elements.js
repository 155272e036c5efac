"use strict";
/* What the page's scripts share. Text reaches the page through textContent and setAttribute only. */
const report = {
  SVG: "http://www.w3.org/2000/svg",

  /* Read a block of data that the page carries; null where there is none. */
  read(id) {
    const block = document.getElementById(id);
    return block ? JSON.parse(block.textContent) : null;
  },

  /* Make an element with attributes (null ones are left out) and children (elements or text). */
  make(tag, attributes = {}, ...children) {
    return report.fill(document.createElement(tag), attributes, children);
  },

  draw(tag, attributes = {}, ...children) {
    return report.fill(document.createElementNS(report.SVG, tag), attributes, children);
  },

  fill(element, attributes, children) {
    for (const [name, value] of Object.entries(attributes)) {
      if (value !== null && value !== undefined) element.setAttribute(name, String(value));
    }
    element.append(...children.map((child) => (child instanceof Node ? child : String(child))));
    return element;
  },

  /* Fill a select with the places of names; hide it with its label where there is nothing to choose. */
  offer(select, names, chosen = 0) {
    select.replaceChildren(...names.map((name, place) => report.make("option", { value: place }, name)));
    select.value = String(chosen);
    select.closest("label").hidden = names.length < 2;
  },

  /* A check box that stands for a model, with a sample of its line. */
  toggle(model, sample, changed) {
    const box = report.make("input", { type: "checkbox" });
    box.checked = true;
    box.addEventListener("change", () => changed(box.checked));
    return report.make("label", { class: "model" }, box, sample, report.make("span", {}, model));
  },

  number(value, digits, signed = false) {
    if (value === null || value === undefined) return "–";
    const text = Math.abs(value).toFixed(digits);
    const zero = Number(text) === 0;
    return (value < 0 && !zero ? "−" : signed && !zero ? "+" : "") + text;
  },

  /* Lengths of dashes are given in line widths. */
  dashes(lengths, width) {
    return lengths.length ? lengths.map((length) => (length * width).toFixed(2)).join(" ") : null;
  },

  dark: window.matchMedia("(prefers-color-scheme: dark)"),
};

for (const part of document.querySelectorAll("[data-interactive]")) part.hidden = false;

/* Paper cannot be unfolded. */
{
  let closed = [];
  window.addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open])")];
    for (const part of closed) part.open = true;
  });
  window.addEventListener("afterprint", () => {
    for (const part of closed) part.open = false;
  });
}
