// What must hold on the page of examples/browser in each browser: the same bytes in every coding, rows and plot that grow
// as they arrive, figures that fit the line, and a page that people can read.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../runtimes/fixture.mjs";
import { ask } from "./crowd.mjs";

/** Flights of the data set. */
const ROWS = 200_000;

/** The content as lines, made in another way than the example's. */
function expectedLines() {
  const text = readFileSync(join(root, "node_modules/vega-datasets/data/flights-200k.json"), "utf8").trim();
  return `${text.slice(1, -1).replaceAll("},{", "}\n{")}\n`;
}
const digestOf = (content) => createHash("sha256").update(content).digest("hex");
const expected = expectedLines();
const digest = digestOf(expected);

function require(condition, message) {
  if (!condition) throw new Error(message);
}

const FIGURES = `[...document.querySelectorAll("[data-coding]")].map(({ dataset }) =>
  [dataset.coding, Number(dataset.wire), Number(dataset.first), Number(dataset.last)])`;
/** Rows, state, and the colours of the plot in a column in its middle, which are there once the data have come so far. */
const PROGRESS = `(() => {
  const canvas = document.getElementById("plot");
  const column = canvas.getContext("2d").getImageData(canvas.width >> 1, 0, 1, canvas.height).data;
  let pixels = 0;
  for (let place = 3; place < column.length; place += 4) pixels += column[place] > 0 ? 1 : 0;
  return {
    rows: Number(document.getElementById("count").textContent.replaceAll(",", "")),
    state: document.documentElement.dataset.state ?? "",
    pixels,
  };
})()`;

/** Texts whose contrast with what lies behind them is below 4.5 (WCAG AA); what the page loads from elsewhere; what has no label; what sticks
 * out. */
const LOOKS = `(() => {
  const parts = (color) => color.match(/[\\d.]+/g).map(Number);
  const luminance = ([red, green, blue]) => {
    const [r, g, b] = [red, green, blue].map((channel) => {
      const part = channel / 255;
      return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const backgroundOf = (element) => {
    for (let at = element; at !== null; at = at.parentElement) {
      const color = parts(getComputedStyle(at).backgroundColor);
      if (color.length === 3 || color[3] > 0) return color;
    }
    return [255, 255, 255];
  };
  const texts = [...document.querySelectorAll("body *")].filter((element) =>
    [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== ""));
  const faint = texts.flatMap((element) => {
    const [one, other] = [parts(getComputedStyle(element).color), backgroundOf(element)].map(luminance);
    const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    return contrast < 4.5 ? [element.outerHTML.slice(0, 80) + " " + contrast.toFixed(2)] : [];
  });
  const elsewhere = performance.getEntriesByType("resource").map(({ name }) => name)
    .filter((name) => new URL(name).origin !== location.origin);
  const unlabelled = [...document.querySelectorAll("select, button, canvas, [role=region]")].filter((element) =>
    !(element.labels?.length || element.textContent.trim() || element.ariaLabel || element.getAttribute("aria-label")));
  const { scrollWidth, clientWidth } = document.documentElement;
  const wide = scrollWidth <= clientWidth ? [] : [...document.querySelectorAll("body *")]
    .filter((element) => element.getBoundingClientRect().right > clientWidth)
    .map((element) => element.outerHTML.slice(0, 80));
  return { texts: texts.length, faint, elsewhere, unlabelled: unlabelled.map(({ id }) => id), wide };
})()`;

const END = `(() => {
  const scroller = document.getElementById("scroller");
  scroller.scrollTop = scroller.scrollHeight;
  return new Promise((resolve) => setTimeout(() => {
    const rows = [...scroller.querySelectorAll("tbody tr:not([aria-hidden])")];
    resolve({ drawn: rows.length, last: rows.at(-1).cells[0].textContent });
  }, 200));
})()`;

/**
 * Waits until the page has measured everything, looking at it all the time.
 * @param {import("../runtimes/drivers/pages.mjs").Page} page
 */
async function watch(page) {
  const seen = new Map();
  const deadline = performance.now() + 120_000;
  for (;;) {
    const { rows, state, pixels } = await page.evaluate(PROGRESS);
    if (rows > 0 && rows < ROWS) seen.set(rows, pixels);
    if (state === "done") return seen;
    require(state !== "error" &&
      performance.now() < deadline, `the page is in the state ${state} with ${rows} rows`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/**
 * Judges the page of one browser.
 * @param {import("../runtimes/drivers/pages.mjs").Page} page
 * @param {{ native: boolean, storedSize: number, rate: number }} facts `native`: the browser decodes zstd itself; `rate`:
 *   bits a second of the line
 * @returns {Promise<string>} its figures
 */
export async function judgePage(page, { native, storedSize, rate }) {
  const seen = await watch(page);
  require(seen.size >= 3, `rows were seen ${seen.size} times on their way`);
  // The data are in the order of their time: the plot grows from the left, and its middle comes with noon.
  const steps = [...seen].sort(([one], [other]) => one - other);
  require(steps[0][1] < 40 || steps[0][0] > ROWS / 2, `the plot was whole at ${steps[0][0]} rows`);
  require(page.problems.length === 0, `the page says ${page.problems.join("; ")}`);
  require((await page.evaluate("document.documentElement.dataset.digest")) === digest, "other bytes came");
  require((await page.evaluate("document.documentElement.dataset.native")) ===
    String(native), "zstd was decoded elsewhere than expected");
  const figures = await page.evaluate(FIGURES);
  require(figures.map(([coding]) => coding).join() === "zstd,gzip,identity", "a coding is missing");
  // Chunks of HTTP add up to 1 % where a browser counts them.
  const near = (wire, size) => wire >= size && wire < size * 1.01;
  const [[, zstdWire], [, gzipWire], [, identityWire, , identityLast]] = figures;
  require(near(zstdWire, storedSize), `zstd took ${zstdWire} B, ${storedSize} B lie in Redis`);
  require(near(identityWire, expected.length), `identity took ${identityWire} B`);
  for (const [coding, wire, first, last] of figures)
    require(wire > 0 && first > 0 && first <= last, `${coding}: ${wire} B, ${first} to ${last} ms`);
  require(gzipWire < identityWire / 8 && zstdWire < identityWire / 8, "the codings save too little");
  // The line passes no more than its rate: how much sooner the others are is not for a test on a busy machine to say.
  require(identityLast >= (identityWire * 8000) / rate, `the line was too fast: ${identityLast} ms`);
  const looks = await page.evaluate(LOOKS);
  require(looks.texts > 30, `${looks.texts} texts were looked at`);
  for (const name of ["faint", "elsewhere", "unlabelled", "wide"])
    require(looks[name].length === 0, `${name}: ${looks[name].join("; ")}`);
  const end = await page.evaluate(END);
  require(end.last === "200,000" && end.drawn < 100, `the list ends with ${JSON.stringify(end)}`);
  return figures
    .map(
      ([coding, wire, first, last]) => `${coding} ${wire} B, ${Math.round(first)} to ${Math.round(last)} ms`,
    )
    .join("; ");
}

/**
 * Fifty clients at once, of whom ten leave; the others get the stored bytes.
 * @param {string} url
 * @param {(body: Buffer) => Uint8Array} decompress
 */
export async function judgeCrowd(url, decompress) {
  const bodies = await Promise.all(
    Array.from({ length: 50 }, async (_, index) => {
      const leave = index % 5 === 0 ? (index % 2 === 0 ? "before" : "midway") : undefined;
      return (await ask(`${url}/flights?coding=zstd&rate=unlimited`, {}, leave))?.body;
    }),
  );
  const whole = bodies.filter((body) => body !== undefined);
  require(whole.length >= 40, `${whole.length} clients read to the end`);
  require(digestOf(decompress(whole[0])) === digest, "other bytes came");
  for (const body of whole) require(body.equals(whole[0]), "two clients got different bytes");
  return whole[0].length;
}
