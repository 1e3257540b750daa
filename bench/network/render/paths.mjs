/** The sections of the report on requests and paths. */
import { count, linkName, ms, spread, table, times } from "./text.mjs";

/**
 * A request's head on the wire.
 *
 * @param {Awaited<ReturnType<typeof import("../experiments/request-cost.mjs").requestCost.run>>} measured
 */
export function renderRequestCost({ sides }) {
  const rows = Object.entries(sides).map(
    ([name, { ms: own, upBytes, downBytes, upPackets, downPackets }]) => [
      name.replace(/ (set|get)$/, (_, operation) => `, ${operation.toUpperCase()}`),
      spread(own),
      ...[upBytes, downBytes, upPackets, downPackets].map(count),
    ],
  );
  return {
    text: [
      `A value of one byte at 100 Mbit and 20 ms, without TLS: IP bytes and packets are all head. Cold is a new connection.`,
      "",
      table(["what", "ms", "bytes up", "bytes down", "packets up", "packets down"], rows),
    ].join("\n"),
  };
}

/**
 * The negative control.
 *
 * @param {Awaited<ReturnType<typeof import("../experiments/per-frame.mjs").perFrame.run>>} measured
 */
export function renderPerFrame({ frames, bytes, cells }) {
  const rows = cells.flatMap((cell) =>
    ["put", "get"].flatMap((way) => {
      const one = cell.sides[`${way}: one request`];
      return Object.entries(cell.sides)
        .filter(([name]) => name.startsWith(way))
        .map(([name, { ms: own, requests, upBytes, downBytes }]) => [
          `${linkName(cell)}; ${name}`,
          spread(own),
          times(own.p50 / one.ms.p50),
          count(requests),
          count(upBytes + downBytes),
          times((upBytes + downBytes) / (one.upBytes + one.downBytes)),
        ]);
    }),
  );
  return {
    text: [
      `What not to do: ${count(frames)} frames of at most 1,300 bytes, ${count(bytes)} bytes together, each with a request of its own,`,
      `against all of them in one.`,
      "",
      table(["link; what", "ms", "against one", "requests", "bytes", "against one"], rows),
    ].join("\n"),
  };
}

/**
 * What paths do to large packets.
 *
 * @param {Awaited<ReturnType<typeof import("../experiments/paths.mjs").paths.run>>} measured
 */
export function renderPaths({ timeoutMs, sizes, rows }) {
  /** @param {number | null | undefined} value */
  const cell = (value) => (value === null ? "**no answer**" : value === undefined ? "–" : ms(value));
  return {
    text: [
      `One request on a new connection, body or reply of so many bytes, at 100 Mbit and 20 ms: the median of five, in ms. "No answer"`,
      `is none within ${timeoutMs / 1000} s.`,
      "",
      table(
        ["path", ...["SET", "GET"].flatMap((way) => sizes.map((size) => `${way} ${count(size)} B`))],
        rows.map((row) => [
          row.path,
          ...[row.set, row.get].flatMap((way) => sizes.map((size) => cell(way[size]))),
        ]),
      ),
    ].join("\n"),
  };
}

/**
 * What crosses a black hole.
 *
 * @param {Awaited<ReturnType<typeof import("../experiments/black-hole.mjs").blackHole.run>>} measured
 */
export function renderBlackHole({ timeoutMs, rows }) {
  /** @param {import("../experiments/black-hole.mjs").Outcome} outcome */
  const cell = ({ ms: own, failure, requests }) => {
    if (failure !== undefined) return `**${failure}**`;
    return `${count(own)} ms${requests === undefined ? "" : `, ${count(requests)} requests`}`;
  };
  return {
    text: [
      `MTU 1492 in the middle and no ICMP, at 100 Mbit and 20 ms, beside a path of MTU 1500 throughout. What has no sign of life`,
      `for ${timeoutMs / 1000} s is given up, without retries. What has to fit is a piece and its head together: 1,440 bytes on this path,`,
      `without TLS; key, tokens and what fetch adds are 400 bytes and more of that.`,
      "",
      table(
        ["what", "black hole", "MTU 1500"],
        Object.entries(rows).map(([name, { hole, open }]) => [name, cell(hole), cell(open)]),
      ),
    ].join("\n"),
  };
}
