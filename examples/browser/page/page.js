// The page: shows the flights in the coding that the browser takes, then in the others, and compares them.
import { List } from "./list.js";
import { Panel } from "./panel.js";
import { Plot } from "./plot.js";
import { run } from "./run.js";
import { fetchDecoded } from "./zstash-browser.js";

const element = (id) => document.getElementById(id);
const number = new Intl.NumberFormat("en-US");
const kilobytes = (bytes) => `${number.format(Math.round(bytes / 1000))} KB`;

const settings = await (await fetch("./settings.json")).json();
element("size").textContent = `${(settings.size / 1e6).toFixed(1)} MB`;
element("stored-size").textContent = kilobytes(settings.storedSize);
const rate = element("rate");
if (![...rate.options].some(({ value }) => value === settings.rate))
  rate.add(
    new Option(
      settings.rate.replace(/([kmg])bit$/i, (_, unit) => ` ${unit.toUpperCase()}bit/s`),
      settings.rate,
    ),
  );
rate.value = settings.rate;

/** Whether the browser decodes zstd itself: a request of some bytes tells; no browser says it. */
async function decodesZstd() {
  const response = await fetch("./flights?coding=zstd&rate=unlimited&probe");
  const reader = response.body.getReader();
  const { value } = await reader.read();
  await reader.cancel();
  return value[0] === "{".charCodeAt(0);
}
const native = await decodesZstd();
document.documentElement.dataset.native = String(native);

const codings = [
  {
    coding: "zstd",
    label: "zstd",
    hint: native ? "as it lies in Redis" : "as it lies in Redis, decoded by the page",
    ask: native ? "zstd" : "stored",
    fetchFlights: native ? fetch : fetchDecoded,
  },
  { coding: "gzip", label: "gzip", hint: "made for each request", ask: "gzip", fetchFlights: fetch },
  { coding: "identity", label: "identity", hint: "not compressed", ask: "identity", fetchFlights: fetch },
];

const list = new List(element("scroller"));
const plot = new Plot(element("plot"));
const panel = new Panel(element("codings"), codings);
let shown;
let frame = 0;

function draw() {
  cancelAnimationFrame(frame);
  frame = 0;
  plot.add(shown);
  plot.draw();
  list.draw();
  element("count").textContent = number.format(shown.length);
}

const view = {
  show(flights) {
    shown = flights;
    plot.clear();
    list.show(flights);
    element("summary").textContent = "";
    draw();
  },
  draw,
  drawSoon: () => (frame ||= requestAnimationFrame(draw)),
};

const say = (text) => (element("status").textContent = text);
let running = new AbortController();

let isFirst = true;

async function measure() {
  running.abort();
  const { signal } = (running = new AbortController());
  document.documentElement.dataset.state = "running";
  panel.clear();
  if (isFirst) {
    const [{ ask, fetchFlights }] = codings;
    say("Reading the flights");
    await run({ coding: ask, rate: rate.value, fetchFlights, signal }, { ...view, onFirst: () => undefined });
    isFirst = false;
  }
  const digests = new Set();
  for (const { coding, ask, fetchFlights } of codings) {
    panel.mark(coding);
    say(`Reading ${coding}`);
    const onFirst = (first) => panel.set(coding, { first });
    const request = { coding: ask, rate: rate.value, fetchFlights, signal };
    const result = await run(request, { ...view, onFirst });
    signal.throwIfAborted();
    panel.set(coding, { first: result.first, last: result.last, wire: result.wire });
    digests.add(
      result.digest.toHex?.() ??
        Array.from(result.digest, (byte) => byte.toString(16).padStart(2, "0")).join(""),
    );
    list.finish();
    const averages = plot.describe();
    element("plot").setAttribute("aria-label", `Flights by time of day and delay. Average delay ${averages}`);
    element("summary").textContent = `Average ${averages}`;
  }
  panel.mark(undefined);
  if (digests.size !== 1) throw new Error("the codings gave different bytes");
  const [digest] = digests;
  document.documentElement.dataset.digest = digest;
  document.documentElement.dataset.state = "done";
  say(
    `${number.format(shown.length)} flights read in each coding, the same bytes (SHA-256 ${digest.slice(0, 8)}…)`,
  );
}

function start() {
  measure().catch((error) => {
    if (error.name === "AbortError") return;
    document.documentElement.dataset.state = "error";
    say(`It failed: ${error.message}`);
    console.error(error);
  });
}

element("controls").addEventListener("submit", (event) => {
  event.preventDefault();
  start();
});
rate.addEventListener("change", start);
start();
