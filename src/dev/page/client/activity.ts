/** Shows what the server does: plots over time, the clients' own figures, and a live list of requests. */
import type { ClientFigures, RequestPage, Sample, SecondFigures } from "../protocol.ts";
import { drawPlot, type Plot, type Series } from "./chart.ts";
import { drawByWidth, h, type Tab } from "./dom.ts";
import { bytes, clock, count, duration, visible } from "./format.ts";

/** The most requests that are listed. */
const LISTED_MAX = 100;
/** The time that the plots show, in ms. */
const SPAN_MS = 5 * 60_000;

type Listed = RequestPage["records"][number];

/** The view of the requests and the plots. */
export interface ActivityView extends Tab {
  /** The number and the time after which the next requests are asked for. */
  readonly next: number;
  readonly since: number;
  addRequests(page: RequestPage): void;
  setHistory(history: readonly Sample[]): void;
  setClients(clients: readonly ClientFigures[]): void;
}

/** The view of the server's activity. */
export function createActivity(): ActivityView {
  let next = 0;
  let seconds: SecondFigures[] = [];
  let history: readonly Sample[] = [];
  let listed: Listed[] = [];
  let paused = false;
  const rows = h("tbody", {});
  const note = h(
    "p",
    { class: "muted note", role: "status" },
    "No requests yet: what clients send is listed here as it comes.",
  );
  const clients = h("div", { class: "panel" });
  const window = (): { from: number; to: number } => ({ from: Date.now() - SPAN_MS, to: Date.now() });

  const plots = [
    plotPanel("Ratio", "original ÷ stored, of the sampled keys", () => ({
      ...window(),
      title: "Ratio",
      gap: 30_000,
      least: 2,
      format: (value) => `${Number(value.toFixed(2))}×`,
      nothing: "no strings yet",
      series: [
        {
          name: "ratio",
          line: "first",
          points: samples((one) => (one.storedBytes === 0 ? undefined : one.contentBytes / one.storedBytes)),
        },
      ],
    })),
    plotPanel("Request times", "until the response was ready, per second", () => ({
      ...window(),
      title: "Request times",
      gap: 2_500,
      least: 0.1,
      format: (value) => (value === 0 ? "0 ms" : shortDuration(value)),
      nothing: "no requests in these 5 minutes",
      series: [
        { name: "p50", line: "first", points: inWindow(seconds.map(({ at, p50 }) => [at, p50] as const)) },
        { name: "p95", line: "second", points: inWindow(seconds.map(({ at, p95 }) => [at, p95] as const)) },
      ],
    })),
    plotPanel("Stored frames that do not decode", "of those that a sample has tried", () => ({
      ...window(),
      title: "Stored frames that do not decode",
      gap: 30_000,
      least: 1,
      whole: true,
      format: (value) => count(value),
      nothing: "no frames yet",
      series: [
        {
          name: "frames",
          line: "bad",
          points: samples((one) => (one.tried === 0 ? undefined : one.undecodable)),
        },
      ],
    })),
  ];

  function inWindow(points: readonly (readonly [number, number])[]): (readonly [number, number])[] {
    const { from } = window();
    return points.filter(([at]) => at >= from);
  }

  function samples(value: (sample: Sample) => number | undefined): (readonly [number, number])[] {
    return inWindow(
      history.flatMap((sample) => {
        const found = value(sample);
        return found === undefined ? [] : [[sample.at, found] as const];
      }),
    );
  }

  const redraw = (): void => {
    if (element.offsetParent !== null) for (const plot of plots) plot.redraw();
  };

  const pause = h(
    "button",
    {
      "aria-pressed": "false",
      onclick: () => {
        paused = !paused;
        pause.setAttribute("aria-pressed", `${paused}`);
        pause.textContent = paused ? "Go on" : "Pause";
        if (!paused) showRows();
      },
    },
    "Pause",
  );

  function showRows(): void {
    rows.replaceChildren(...listed.map(rowOf));
  }

  setClients([]);
  function setClients(latest: readonly ClientFigures[]): void {
    clients.replaceChildren(h("h2", {}, "Clients"), ...clientTables(latest));
  }

  const heads = ["Time", "Command", "Key", "Status", "In", "Out", "Duration"];
  const element = h(
    "div",
    { class: "activity" },
    h("div", { class: "plots" }, ...plots.map((plot) => plot.element)),
    clients,
    h(
      "div",
      { class: "panel" },
      h("div", { class: "row" }, h("h2", { class: "grow" }, "Requests"), pause),
      note,
      h(
        "div",
        { class: "wide log", tabindex: 0, role: "region", "aria-label": "Requests" },
        h(
          "table",
          { class: "requests" },
          h(
            "thead",
            {},
            h("tr", {}, ...heads.map((name) => h("th", { scope: "col", class: name.toLowerCase() }, name))),
          ),
          rows,
        ),
      ),
    ),
  );

  return {
    element,
    get next() {
      return next;
    },
    get since() {
      return seconds.at(-1)?.at ?? 0;
    },
    show: redraw,
    addRequests(page) {
      next = page.next;
      const [first] = page.seconds;
      if (first !== undefined)
        seconds = [...seconds.filter(({ at }) => at < first.at), ...page.seconds].slice(-900);
      if (page.records.length > 0) {
        listed = [...page.records.toReversed(), ...listed].slice(0, LISTED_MAX);
        note.textContent = `${count(next)} so far; the latest ${count(Math.min(LISTED_MAX, listed.length))} are listed.`;
        if (!paused) showRows();
      }
      redraw();
    },
    setHistory(samplesNow) {
      history = samplesNow;
    },
    setClients,
  };
}

function shortDuration(ms: number): string {
  return ms >= 1000 ? `${Number((ms / 1000).toFixed(1))} s` : `${Number(ms.toFixed(2))} ms`;
}

function plotPanel(
  title: string,
  note: string,
  make: () => Plot,
): { readonly element: HTMLElement; redraw(): void } {
  const canvas = h("div", { class: "canvas" });
  const redraw = drawByWidth(canvas, (width) => drawPlot(make(), width));
  const { series } = make();
  const legend =
    series.length < 2
      ? []
      : series.map(({ name, line }: Series) =>
          h("span", { class: "key-of" }, h("i", { class: `swatch ${line}` }), name),
        );
  const element = h(
    "section",
    { class: "panel plot" },
    h("div", { class: "row" }, h("h2", { class: "grow" }, title), ...legend),
    h("p", { class: "muted note" }, note),
    canvas,
  );
  return { element, redraw };
}

function rowOf({
  at,
  commands,
  count: number,
  key,
  status,
  requestSize,
  responseSize,
  duration: time,
  error,
}: Listed): HTMLElement {
  const names = commands.slice(0, 3).join(" ");
  const command = number > 3 ? `${names} +${count(number - 3)}` : names;
  const isBad = status >= 400;
  return h(
    "tr",
    { class: isBad ? "bad" : "", title: error === undefined ? undefined : visible(error) },
    h("td", { class: "time" }, clock(at)),
    h("td", { class: "command" }, command === "" ? "–" : visible(command)),
    h("td", { class: "key", dir: "ltr" }, key === undefined ? "–" : visible(key)),
    h("td", { class: "status" }, `${status}`),
    h("td", { class: "in" }, bytes(requestSize)),
    h("td", { class: "out" }, responseSize === undefined ? "stream" : bytes(responseSize)),
    h("td", { class: "duration" }, duration(time)),
  );
}

function clientTables(clients: readonly ClientFigures[]): Node[] {
  if (clients.length === 0) {
    return [
      h(
        "p",
        { class: "muted" },
        "No client has sent figures of its own. One that does posts them to ",
        h("code", {}, "/_zstash/metrics"),
        ", as a JSON object of numbers with its name as ",
        h("code", {}, "client"),
        ".",
      ),
    ];
  }
  return clients.map(({ client, at, figures }) =>
    h(
      "div",
      { class: "client" },
      h("h3", {}, visible(client), h("span", { class: "muted" }, ` at ${clock(at)}`)),
      h(
        "dl",
        { class: "facts" },
        ...Object.entries(figures).map(([name, value]) =>
          h(
            "div",
            {},
            h("dt", {}, visible(name)),
            h("dd", {}, Number.isInteger(value) ? count(value) : `${Number(value.toPrecision(4))}`),
          ),
        ),
      ),
    ),
  );
}
