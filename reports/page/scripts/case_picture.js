"use strict";
/* One case under one condition: the image, the truth and the models' outlines on it. */
report.casePicture = (image, overlay, models) => {
  const shown = models.map(() => true);
  let truthShown = true;

  const outline = (path, attributes) => report.draw("path", { d: path, "vector-effect": "non-scaling-stroke", ...attributes });

  const drawOutlines = (block, shot) => {
    const [width, height] = block.size;
    overlay.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const truth = shot.truth ?? block.truth;
    const lines = [];
    if (truthShown && truth) {
      lines.push(outline(truth, { class: "truth-casing" }), outline(truth, { class: "truth" }));
    }
    models.forEach((model, place) => {
      const path = shot.outlines[place];
      if (!shown[place] || !path) return;
      const attributes = { class: "outline", stroke: model.colour, "stroke-dasharray": report.dashes(model.dashes, 1.8) };
      lines.push(outline(path, { class: "outline-casing" }), outline(path, { ...attributes, "data-model": model.name }));
    });
    overlay.replaceChildren(...lines);
  };

  return {
    shown,
    show(block, shot, alternative) {
      const [width, height] = block.size;
      image.width = width;
      image.height = height;
      image.src = `data:image/webp;base64,${shot.image}`;
      image.alt = alternative;
      drawOutlines(block, shot);
    },
    drawOutlines,
    showTruth(on) { truthShown = on; },
    /* A sample of a line as it looks on an image. */
    sample(model) {
      const line = { d: "M3 7H31" };
      return report.draw("svg", { class: "sample on-image", width: 34, height: 14, viewBox: "0 0 34 14", "aria-hidden": "true" },
        report.draw("path", { ...line, class: "outline", stroke: model.colour, "stroke-dasharray": report.dashes(model.dashes, 1.8) }));
    },
  };
};
