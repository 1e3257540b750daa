/** Charts of lines and of bars as SVG text. */
import { card, FAINT, fixed, line, text } from "../../svg.mjs";

/** @typedef {import("../../svg.mjs").Point} Point */

/** Told apart by people who do not see colours alike; lines have markers as well. */
const COLOURS = ["#0550ae", "#bc4c00", "#116329", "#8250df", "#a40e26", "#57606a", "#9a6700", "#1b7c83"];

/**
 * @param {number} kind
 * @param {number} x
 * @param {number} y
 * @param {string} colour
 */
function marker(kind, x, y, colour) {
  if (kind === 0) return `<circle cx="${fixed(x)}" cy="${fixed(y)}" r="4" fill="${colour}"/>`;
  if (kind === 1)
    return `<rect x="${fixed(x - 3.5)}" y="${fixed(y - 3.5)}" width="7" height="7" fill="${colour}"/>`;
  const points = kind === 2 ? [0, -5, 4.5, 3.5, -4.5, 3.5] : [0, -5, 4.5, 0, 0, 5, -4.5, 0];
  const places = points.map((offset, index) => fixed(offset + (index % 2 === 0 ? x : y)));
  return `<polygon points="${places.join(" ")}" fill="${colour}"/>`;
}

/**
 * Powers of ten, with 2 and 5 between them where there is room.
 *
 * @param {number} low
 * @param {number} high
 */
function logTicks(low, high) {
  const steps = Math.log10(high / low) > 4 ? [1] : [1, 2, 5];
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
    for (const step of steps) {
      const tick = step * 10 ** power;
      if (tick >= low * 0.999 && tick <= high * 1.001) ticks.push(tick);
    }
  }
  return ticks;
}

/**
 * @param {readonly string[]} names
 * @param {number} x
 * @param {number} y
 */
function legend(names, x, y) {
  let at = x;
  return names.map((name, index) => {
    const colour = COLOURS[index % COLOURS.length];
    const part =
      line([at, y - 4], [at + 22, y - 4], colour, 2) +
      marker(index % 4, at + 11, y - 4, colour) +
      text(at + 28, y, name);
    at += 44 + name.length * 6.6;
    return part;
  });
}

/**
 * Lines over a few named places, one panel beside the other, with one logarithmic y axis.
 *
 * @param {{ title: string, xLabel: string, yLabel: string, places: readonly string[], panels: readonly { title: string, series: Record<string, readonly (number | undefined)[]> }[] }} chart
 * A series has a number for each place; undefined leaves a gap.
 */
export function lineChart({ title, xLabel, yLabel, places, panels }) {
  const [left, top, panelWidth, panelHeight, gap] = [70, 92, 250, 240, 24];
  const width = left + panels.length * (panelWidth + gap);
  const height = top + panelHeight + 62;
  const numbers = panels
    .flatMap(({ series }) => Object.values(series).flat())
    .filter((value) => value !== undefined)
    .filter((value) => value > 0);
  const [low, high] = [Math.min(...numbers) * 0.8, Math.max(...numbers) * 1.25];
  /** @param {number} value */
  const y = (value) => top + panelHeight * (1 - Math.log(value / low) / Math.log(high / low));
  const names = [...new Set(panels.flatMap(({ series }) => Object.keys(series)))];
  const parts = legend(names, 20, 54);
  parts.push(
    text(20, top + panelHeight / 2, yLabel, { anchor: "middle", colour: FAINT, turn: -90 }),
    text(left + (width - left - gap) / 2, height - 14, xLabel, { anchor: "middle", colour: FAINT }),
  );
  for (const [index, panel] of panels.entries()) {
    const start = left + index * (panelWidth + gap);
    /** @param {number} place */
    const x = (place) => start + (panelWidth * (place + 0.5)) / places.length;
    parts.push(text(start + panelWidth / 2, top - 10, panel.title, { anchor: "middle", weight: 600 }));
    for (const tick of logTicks(low, high)) {
      parts.push(line([start, y(tick)], [start + panelWidth, y(tick)]));
      if (index === 0) {
        const label = tick.toLocaleString("en");
        parts.push(text(start - 8, y(tick) + 4, label, { anchor: "end", size: 11, colour: FAINT }));
      }
    }
    for (const [place, name] of places.entries()) {
      parts.push(text(x(place), top + panelHeight + 18, name, { anchor: "middle", size: 11, colour: FAINT }));
    }
    for (const [name, values] of Object.entries(panel.series)) {
      const nth = names.indexOf(name);
      const colour = COLOURS[nth % COLOURS.length];
      const points = values.map((value, place) =>
        value === undefined ? undefined : /** @type {Point} */ ([x(place), y(value)]),
      );
      for (const [place, point] of points.entries()) {
        if (point === undefined) continue;
        const before = points[place - 1];
        if (before !== undefined) parts.push(line(before, point, colour, 2));
      }
      for (const point of points) if (point !== undefined) parts.push(marker(nth % 4, ...point, colour));
    }
  }
  return card(width, height, title, parts);
}

/**
 * A round step that makes four to eight parts of a length.
 *
 * @param {number} high
 */
function linearStep(high) {
  const power = 10 ** Math.floor(Math.log10(high / 4));
  return power * ([1, 2, 5, 10].find((step) => high / (step * power) <= 6) ?? 10);
}

/**
 * Horizontal bars in panels beside one another, each with its own axis from zero.
 *
 * @param {{ title: string, xLabel: string, names: readonly string[], panels: readonly { title: string, values: readonly number[] }[] }} chart
 */
export function barChart({ title, xLabel, names, panels }) {
  const [left, top, panelWidth, row, gap] = [210, 72, 210, 26, 46];
  const panelHeight = names.length * row;
  const width = left + panels.length * (panelWidth + gap);
  const height = top + panelHeight + 58;
  const parts = [
    text(left + (width - left - gap) / 2, height - 14, xLabel, { anchor: "middle", colour: FAINT }),
    ...names.map((name, index) => text(left - 10, top + index * row + 17, name, { anchor: "end" })),
  ];
  for (const [index, panel] of panels.entries()) {
    const start = left + index * (panelWidth + gap);
    const high = Math.max(...panel.values) * 1.05;
    /** @param {number} value */
    const x = (value) => start + (panelWidth * value) / high;
    parts.push(text(start + panelWidth / 2, top - 12, panel.title, { anchor: "middle", weight: 600 }));
    for (let tick = 0; tick <= high; tick += linearStep(high)) {
      parts.push(line([x(tick), top], [x(tick), top + panelHeight]));
      parts.push(text(x(tick), top + panelHeight + 16, tick, { anchor: "middle", size: 11, colour: FAINT }));
    }
    for (const [place, value] of panel.values.entries()) {
      const colour = COLOURS[0];
      parts.push(
        `<rect x="${fixed(start)}" y="${top + place * row + 4}" width="${fixed(x(value) - start)}" height="${row - 8}" fill="${colour}"/>`,
        text(x(value) + 4, top + place * row + 17, Math.round(value), { size: 11 }),
      );
    }
  }
  return card(width, height, title, parts);
}
