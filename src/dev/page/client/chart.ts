/** Draws values over time as lines, with axes and units. */
import { svg } from "./dom.ts";
import { clock } from "./format.ts";

/** A line. Its class sets its colour. */
export interface Series {
  readonly name: string;
  readonly line: "first" | "second" | "bad";
  readonly points: readonly (readonly [at: number, value: number])[];
}

/** What a plot shows. */
export interface Plot {
  readonly title: string;
  /** Its lines; none has a point before `from`. */
  readonly series: readonly Series[];
  readonly from: number;
  readonly to: number;
  /** Points further apart than this, in ms, are not joined. */
  readonly gap: number;
  /** The axis reaches at least this value. */
  readonly least: number;
  /** True if the axis has only whole numbers. */
  readonly whole?: boolean;
  format(value: number): string;
  /** The text that is shown if there is no point. */
  readonly nothing: string;
}

const HEIGHT = 190;
const LEFT = 58;
const RIGHT = 12;
const TOP = 12;
const BOTTOM = 26;
const TICKS = 4;
/** A line with more points has a dot only at its last one. */
const DOTS_MAX = 60;

/** Draws a plot of the given width in pixels. */
export function drawPlot(plot: Plot, width: number): SVGSVGElement {
  const { from, to, series } = plot;
  const values = series.flatMap(({ points }) => points.map(([, value]) => value));
  const step = niceStep(Math.max(plot.least, ...values) / TICKS, plot.whole === true);
  const highest = Math.max(step, Math.ceil(Math.max(plot.least, ...values) / step) * step);
  const x = (at: number): number => LEFT + ((at - from) / (to - from)) * (width - LEFT - RIGHT);
  const y = (value: number): number => HEIGHT - BOTTOM - (value / highest) * (HEIGHT - TOP - BOTTOM);
  const shapes: SVGElement[] = [];
  // Without a value there is nothing to measure: the time axis is enough.
  const top = values.length === 0 ? 0 : highest;
  for (let value = 0; value <= top + step / 2; value += step) {
    shapes.push(
      svg("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value) }),
      svg("text", { class: "tick", x: LEFT - 8, y: y(value) + 4, "text-anchor": "end" }, plot.format(value)),
    );
  }
  const marks = width < 420 ? 2 : 4;
  for (let mark = 0; mark <= marks; mark++) {
    const at = from + ((to - from) * mark) / marks;
    const anchor = mark === 0 ? "start" : mark === marks ? "end" : "middle";
    shapes.push(svg("text", { class: "tick", x: x(at), y: HEIGHT - 6, "text-anchor": anchor }, clock(at)));
  }
  for (const one of series) shapes.push(...drawSeries(one, plot.gap, x, y));
  if (values.length === 0) {
    const place = {
      x: LEFT + (width - LEFT - RIGHT) / 2,
      y: (HEIGHT - BOTTOM + TOP) / 2,
      "text-anchor": "middle",
    };
    shapes.push(svg("text", { class: "nothing", ...place }, plot.nothing));
  }
  const latest = series.map(({ name, points }) => {
    const last = points.at(-1);
    return `${name} ${last === undefined ? "nothing" : plot.format(last[1])}`;
  });
  const words = `${plot.title}. Latest: ${latest.join(", ")}`;
  return svg("svg", { width, height: HEIGHT, role: "img", "aria-label": words }, ...shapes);
}

function drawSeries(
  { points, line }: Series,
  gap: number,
  x: (at: number) => number,
  y: (value: number) => number,
): SVGElement[] {
  let path = "";
  let previous = -Infinity;
  for (const [at, value] of points) {
    path += `${at - previous > gap ? "M" : "L"}${x(at).toFixed(1)} ${y(value).toFixed(1)}`;
    previous = at;
  }
  const dots = points.length <= DOTS_MAX ? points : points.slice(-1);
  return [
    svg("path", { class: `series ${line}`, d: path }),
    ...dots.map(([at, value]) => svg("circle", { class: `dot ${line}`, cx: x(at), cy: y(value), r: 2.5 })),
  ];
}

/** The smallest number of at least `least` that is 1, 2 or 5 times a power of ten. */
function niceStep(least: number, whole: boolean): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(least, 1e-6)));
  const step =
    [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= least * 0.999) ?? 10 * power;
  return whole ? Math.max(1, Math.round(step)) : step;
}
