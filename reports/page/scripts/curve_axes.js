"use strict";
/* Axes, and the markers that Matplotlib's letters stand for. */
report.axes = {
  /* Round steps that cover [low, high] in about `wanted` parts. */
  ticks(low, high, wanted = 5) {
    const span = high - low || Math.abs(high) || 1;
    const power = 10 ** Math.floor(Math.log10(span / wanted));
    const step = power * [1, 2, 5, 10].find((factor) => factor * power * wanted >= span * 0.999);
    const first = Math.floor(low / step + 1e-9);
    const last = Math.max(Math.ceil(high / step - 1e-9), first + 1);
    const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
    return Array.from({ length: last - first + 1 }, (_, i) => ({
      value: (first + i) * step,
      text: report.number((first + i) * step, digits),
    }));
  },

  marker(letter, x, y, size = 4.2) {
    const around = (points) => `M${points.map(([a, b]) => `${(x + a * size).toFixed(2)} ${(y + b * size).toFixed(2)}`).join("L")}Z`;
    const polygon = (corners, start) =>
      around(Array.from({ length: corners }, (_, i) => {
        const angle = start + (2 * Math.PI * i) / corners;
        return [1.1 * Math.cos(angle), 1.1 * Math.sin(angle)];
      }));
    const cross = [[-0.4, -1.1], [0.4, -1.1], [0.4, -0.4], [1.1, -0.4], [1.1, 0.4], [0.4, 0.4], [0.4, 1.1], [-0.4, 1.1],
      [-0.4, 0.4], [-1.1, 0.4], [-1.1, -0.4], [-0.4, -0.4]];
    const turned = cross.map(([a, b]) => [(a - b) * Math.SQRT1_2, (a + b) * Math.SQRT1_2]);
    const shapes = {
      s: () => around([[-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]]),
      "^": () => polygon(3, -Math.PI / 2),
      v: () => polygon(3, Math.PI / 2),
      "<": () => polygon(3, Math.PI),
      ">": () => polygon(3, 0),
      D: () => polygon(4, 0),
      h: () => polygon(6, Math.PI / 2),
      P: () => around(cross),
      X: () => around(turned),
    };
    const r = size.toFixed(2);
    const circle = () => `M${(x - size).toFixed(2)} ${y.toFixed(2)}a${r} ${r} 0 1 0 ${2 * size} 0a${r} ${r} 0 1 0 ${-2 * size} 0Z`;
    return (shapes[letter] ?? circle)();
  },

  /* A piece of a model's line with its marker, for lists and legends. */
  sample(model) {
    return report.draw(
      "svg", { class: "sample", width: 34, height: 14, viewBox: "0 0 34 14", "aria-hidden": "true" },
      report.draw("path", { d: "M1 7H33", class: "line", "stroke-dasharray": report.dashes(model.dashes, 2) }),
      report.draw("path", { d: report.axes.marker(model.marker, 17, 7), class: "marker" }),
    );
  },
};
