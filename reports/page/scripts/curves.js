"use strict";
/* Score against severity: measure, corruption and label fraction are chosen, models are switched on and off, and the
   numbers of the severity under the pointer (or reached with the arrow keys) stand in a table below. */
{
  const data = report.read("curve-data");
  const host = document.getElementById("curve-explorer");
  if (data && host) {
    const part = (name) => host.querySelector(`[data-part=${name}]`);
    const [plot, readout, spoken] = ["plot", "readout", "spoken"].map(part);
    const [measure, corruption, labels] = ["measure", "corruption", "labels"].map(part);
    const shown = data.models.map(() => true);
    let severity = null;
    let places = [];

    const toneOf = (model) => (report.dark.matches && !report.printing ? model.dark : model.light);

    const rows = () =>
      data.points.filter((point) =>
        point.labels === Number(labels.value) && (point.corruption === -1 || point.corruption === Number(corruption.value)));

    const curvesOf = (points) =>
      data.models
        .map((model, place) => ({
          model,
          place,
          points: points.filter((point) => point.model === place && point.values[Number(measure.value)][0] !== null)
            .sort((a, b) => a.severity - b.severity),
        }))
        .filter((curve) => shown[curve.place] && curve.points.length);

    const axisTitle = () => {
      const { name, unit } = data.measures[Number(measure.value)];
      return `${name} (${unit})`;
    };

    const draw = () => {
      const m = Number(measure.value);
      const points = rows();
      const curves = curvesOf(points);
      const severities = [...new Set([0, ...points.map((point) => point.severity)])].sort((a, b) => a - b);
      if (!severities.includes(severity)) severity = severities.at(-1);
      // Paper is as wide as it is, whatever the window was.
      const width = report.printing ? 660 : Math.max(plot.clientWidth, 260);
      const height = Math.round(Math.min(420, Math.max(250, width * 0.52)));
      const box = { left: 50, right: width - 14, top: 14, bottom: height - 46 };
      const values = curves.flatMap((curve) => curve.points.flatMap((point) => point.values[m]).filter((v) => v !== null));
      const ticks = report.axes.ticks(values.length ? Math.min(...values) : 0, values.length ? Math.max(...values) : 100);
      const [low, high] = [ticks[0].value, ticks.at(-1).value];
      const last = Math.max(severities.at(-1), 1);
      const x = (s) => box.left + 16 + ((box.right - box.left - 32) * s) / last;
      const y = (v) => box.bottom - ((box.bottom - box.top) * (v - low)) / (high - low);
      places = severities.map((s) => ({ severity: s, x: x(s) }));

      const grid = ticks.map((tick) => report.draw("g", {},
        report.draw("path", { d: `M${box.left} ${y(tick.value)}H${box.right}`, class: "grid" }),
        report.draw("text", { x: box.left - 8, y: y(tick.value) + 4, class: "tick end" }, tick.text)));
      const feet = severities.map((s) => report.draw("g", {},
        report.draw("path", { d: `M${x(s)} ${box.bottom}v5`, class: "axis" }),
        report.draw("text", { x: x(s), y: box.bottom + 19, class: "tick middle" }, s === 0 ? "clean" : s)));
      const what = data.corruptions.length ? `Severity of ${data.corruptions[Number(corruption.value)]}` : "No corruption";
      const name = report.draw("text", { x: (box.left + box.right) / 2, y: height - 8, class: "title middle" }, what);
      const hasBar = data.measures[m].key === "dice" && data.bar !== null && data.bar > low && data.bar < high;
      const bar = hasBar
        ? [report.draw("path", { d: `M${box.left} ${y(data.bar)}H${box.right}`, class: "bar" }),
          report.draw("text", { x: box.left + 6, y: y(data.bar) - 5, class: "tick" }, `bar ${report.number(data.bar, 0)}`)]
        : [];
      const guide = report.draw("path", { d: `M${x(severity)} ${box.top}V${box.bottom}`, class: "guide" });
      const image = report.draw("svg",
        { viewBox: `0 0 ${width} ${height}`, width, height, role: "img",
          "aria-label": `Line chart: ${axisTitle()} against the ${what.toLowerCase()}, ${curves.length} models. The table below has the numbers.` },
        ...grid, ...bar, ...feet, report.draw("path", { d: `M${box.left} ${box.bottom}H${box.right}`, class: "axis" }), name, guide,
        ...curves.map((curve) => line(curve, m, x, y)));
      part("axis").textContent = axisTitle();
      plot.replaceChildren(image);
      tell(curves, m);
    };

    const line = ({ model, points }, m, x, y) => {
      const path = (list, place) => list.map((point, i) => `${i ? "L" : "M"}${x(point.severity).toFixed(1)} ${y(point.values[m][place]).toFixed(1)}`).join("");
      const banded = points.filter((point) => point.values[m][1] !== null && point.values[m][2] !== null);
      const group = report.draw("g", { class: "curve", "data-model": model.name, color: toneOf(model) });
      if (banded.length > 1) {
        const edges = [path(banded, 2), path(banded, 1)];
        const band = edges[0] + path([...banded].reverse(), 1).replace("M", "L") + "Z";
        group.append(report.draw("path", { d: band, class: "band" }));
        group.append(...edges.map((edge) => report.draw("path", { d: edge, class: "edge" })));
      } else if (banded.length) {
        const [only] = banded;
        const at = x(only.severity).toFixed(1);
        group.append(report.draw("path", { d: `M${at} ${y(only.values[m][1])}V${y(only.values[m][2])}`, class: "edge" }));
      }
      group.append(
        report.draw("path", { d: path(points, 0), class: "line", "stroke-dasharray": report.dashes(model.dashes, 2) }),
        ...points.map((point) => report.draw("path", { d: report.axes.marker(model.marker, x(point.severity), y(point.values[m][0])), class: "marker" })));
      return group;
    };

    /* The numbers of one severity, best-known form first: a table to read and a sentence to hear. */
    const tell = (curves, m) => {
      const { unit } = data.measures[m];
      const condition = severity === 0 || !data.corruptions.length ? "Clean images" : `${data.corruptions[Number(corruption.value)]}, severity ${severity}`;
      const sentences = [];
      const lines = curves.map(({ model, points }) => {
        const point = points.find((one) => one.severity === severity);
        if (!point) return null;
        const [mean, low, high] = point.values[m].map((value) => report.number(value, 1));
        const [cases, patients, draws, seeds] = point.counts;
        const interval = point.values[m][1] === null ? "–" : `${low} to ${high}`;
        sentences.push(`${model.name} ${mean} ${unit}${interval === "–" ? "" : `, interval ${interval}`}, ${cases} cases of ${patients} patients`);
        const swatch = report.axes.sample(model);
        swatch.setAttribute("color", toneOf(model));
        const dagger = model.trained[Number(corruption.value)] ? "†" : "";
        return report.make("tr", {},
          report.make("th", { scope: "row" }, swatch, model.name + dagger),
          ...[mean, interval, cases, patients, draws * seeds].map((text) => report.make("td", {}, text)));
      });
      part("condition").textContent = `${condition}: ${axisTitle()}`;
      readout.replaceChildren(...lines.filter(Boolean));
      part("nothing").hidden = sentences.length > 0;
      spoken.textContent = document.activeElement === plot ? `${condition}. ${sentences.join("; ")}.` : "";
    };

    const go = (to) => {
      if (to === undefined || to === severity) return;
      severity = to;
      draw();
    };

    plot.addEventListener("pointermove", (event) => {
      const at = event.clientX - plot.getBoundingClientRect().left;
      const nearest = places.reduce((a, b) => (Math.abs(b.x - at) < Math.abs(a.x - at) ? b : a));
      go(nearest.severity);
    });
    plot.addEventListener("pointerdown", (event) => plot.dispatchEvent(new PointerEvent("pointermove", event)));
    plot.addEventListener("keydown", (event) => {
      const here = places.findIndex((place) => place.severity === severity);
      const to = { ArrowLeft: here - 1, ArrowRight: here + 1, Home: 0, End: places.length - 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      go(places[Math.min(Math.max(to, 0), places.length - 1)].severity);
    });
    plot.addEventListener("focus", draw);

    report.offer(measure, data.measures.map((one) => `${one.name} (${one.unit})`));
    report.offer(corruption, data.corruptions);
    report.offer(labels, data.labels.map((one) => `${one} of the labels`), data.labels.length - 1);
    for (const select of [measure, corruption, labels]) select.addEventListener("change", draw);

    const paint = () => {
      part("models").replaceChildren(...data.models.map((model, place) => {
        const sample = report.axes.sample(model);
        sample.setAttribute("color", toneOf(model));
        const label = report.toggle(model.name, sample, (on) => { shown[place] = on; draw(); });
        label.querySelector("input").checked = shown[place];
        return label;
      }));
      draw();
    };
    paint();
    report.dark.addEventListener("change", paint);
    for (const [name, printing] of [["beforeprint", true], ["afterprint", false]]) {
      window.addEventListener(name, () => { report.printing = printing; draw(); });
    }
    let drawnAt = plot.clientWidth;
    new ResizeObserver(() => {
      if (plot.clientWidth === drawnAt) return;
      drawnAt = plot.clientWidth;
      draw();
    }).observe(plot);
  }
}
