"use strict";
/* The cases: a list in the order of their scores, a slider for the severity, the image with everyone's outline. */
{
  const index = report.read("case-index");
  const host = document.getElementById("case-browser");
  if (index && host) {
    const part = (name) => host.querySelector(`[data-part=${name}]`);
    const [corruption, order, slider, list] = ["corruption", "order", "severity", "list"].map(part);
    const picture = report.casePicture(part("image"), part("overlay"), index.models);
    const blocks = new Map();

    const block = (place) => {
      if (!blocks.has(place)) blocks.set(place, report.read(`case-data-${place}`));
      return blocks.get(place);
    };

    const severities = () => {
      const chosen = Number(corruption.value || 0);
      return index.conditions.filter(([name]) => name === -1 || name === chosen).map(([, severity]) => severity);
    };

    const condition = () => {
      const severity = severities()[Number(slider.value)];
      const name = severity === 0 ? -1 : Number(corruption.value || 0);
      return index.conditions.findIndex(([one, level]) => one === name && level === severity);
    };

    const words = (place) => {
      const [name, severity] = index.conditions[place];
      return name === -1 ? "clean" : `${index.corruptions[name]}, severity ${severity}`;
    };

    const mean = (dice) => {
      const known = (dice ?? []).filter((value) => value !== null);
      return known.length ? known.reduce((a, b) => a + b, 0) / known.length : null;
    };

    const percent = (value) => (value === null ? "–" : report.number(value / 10, 1));

    const scored = (place) => {
      const here = mean(index.cases[place].dice[condition()]);
      if (order.value !== "drop") return here;
      const clean = mean(index.cases[place].dice[index.conditions.findIndex(([name]) => name === -1)]);
      return here === null || clean === null ? null : here - clean;
    };

    const byName = (a, b) => a.name.localeCompare(b.name, "en", { numeric: true });

    const entries = () => {
      const every = index.cases.map((one, place) => ({ place, name: one.name, value: scored(place) }));
      const last = (value) => (value === null ? Infinity : value);
      every.sort((a, b) => (order.value === "name" ? 0 : last(a.value) - last(b.value) || 0) || byName(a, b));
      return every.map((one) => ({ ...one, score: order.value === "drop" && one.value !== null ? report.number(one.value / 10, 1, true) : percent(one.value) }));
    };

    const showScores = (one, shot) => {
      const dice = one.dice[condition()] ?? [];
      index.models.forEach((model, place) => {
        const value = dice[place] ?? null;
        const empty = shot && shot.outlines[place] === "" ? " (nothing predicted)" : "";
        part(`dice-${place}`).textContent = percent(value) + (value === null ? "" : "%") + empty;
      });
    };

    const show = () => {
      const place = cases.current;
      const one = index.cases[place];
      const shot = block(place).shots[condition()];
      const where = words(condition());
      slider.setAttribute("aria-valuetext", where);
      part("condition").textContent = where;
      part("title").textContent = one.name;
      part("patient").textContent = one.patient;
      part("text").textContent = (shot?.text ?? one.text) || "no text";
      part("position").textContent = `${cases.position()} of ${index.cases.length}`;
      part("missing").hidden = Boolean(shot);
      part("panel").hidden = !shot;
      if (shot) picture.show(block(place), shot, `Case ${one.name}, ${where}, with the outlines of the truth and of the models that are switched on`);
      showScores(one, shot);
      part("list-title").textContent = order.value === "drop" ? "Case, change of mean Dice (points)" : "Case, mean Dice (%)";
    };

    const repaint = () => {
      const shot = block(cases.current).shots[condition()];
      if (shot) picture.drawOutlines(block(cases.current), shot);
    };

    const cases = report.caseList(list, show);

    const relist = () => { cases.show(entries()); show(); };

    const reslide = () => {
      const known = severities();
      slider.max = String(known.length - 1);
      slider.closest("label").hidden = known.length < 2;
      part("ticks").replaceChildren(...known.map((severity) => report.make("span", {}, severity === 0 ? "clean" : severity)));
      relist();
    };

    const row = (name, sample, scorePart, changed) => {
      const label = report.toggle(name, sample, changed);
      return report.make("div", { class: "scored" }, label, report.make("span", { class: "dice", "data-part": scorePart }));
    };

    report.offer(corruption, index.corruptions);
    part("models").append(
      row("truth", picture.sample({ colour: "#FFFFFF", dashes: [] }), "dice-truth", (on) => { picture.showTruth(on); repaint(); }),
      ...index.models.map((model, place) =>
        row(model.name, picture.sample(model), `dice-${place}`, (on) => { picture.shown[place] = on; repaint(); })));
    corruption.addEventListener("change", reslide);
    order.addEventListener("change", () => { relist(); cases.step(-index.cases.length); });
    slider.addEventListener("input", show);
    slider.addEventListener("change", relist);
    part("previous").addEventListener("click", () => cases.step(-1));
    part("next").addEventListener("click", () => cases.step(1));
    // The hardest known condition first: there the models differ.
    slider.max = String(severities().length - 1);
    slider.value = slider.max;
    reslide();
    cases.step(-index.cases.length);
  }
}
