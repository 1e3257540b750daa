/** The sections of the report on large values: reading them, and writing them. */
import { barChart, lineChart } from "./chart.mjs";
import { count, linkName, ms, percent, sizeName, spread, table, times } from "./text.mjs";

/**
 * Reading: when the first byte is decoded.
 *
 * @param {Awaited<ReturnType<typeof import("../experiments/first-byte.mjs").firstByte.run>>} measured
 */
export function renderFirstByte({ size, layouts, sizes, costs, cells }) {
  const [base] = layouts;
  const rows = layouts.map((layout) => [
    layout,
    layout === base ? "–" : percent(sizes[layout] / sizes[base] - 1),
    times(costs[layout].atOnce),
    times(costs[layout].stream),
    ...cells.flatMap(({ sides }) => ["cold", "warm"].map((state) => firstOf(sides[`${layout} / ${state}`]))),
  ]);
  const totals = layouts.map((layout) => [
    layout,
    ...cells.flatMap(({ sides }) =>
      ["cold", "warm"].map((state) => spread(sides[`${layout} / ${state}`].ms)),
    ),
  ]);
  const columns = cells.flatMap((cell) => ["cold", "warm"].map((state) => `${linkName(cell)}, ${state}`));
  const text = [
    `A value of ${sizeName(size)} of JSON (${count(sizes[base])} bytes in unflushed blocks), read with \`store.get\`: ms from the call to`,
    `the first decoded byte, by how the value is cut. Cold is a new connection, warm an open one that has been idle. Size`,
    `and decoding time are against unflushed blocks: decoding at once (minima of rounds in turn), and as a stream.`,
    "",
    `![Time to the first decoded byte](network/first-byte.svg)`,
    "",
    table(["layout", "size", "decode", "as a stream", ...columns], rows),
    "",
    `The whole value, ms:`,
    "",
    table(["layout", ...columns], totals),
  ].join("\n");
  const chart = barChart({
    title: "First decoded byte of 1 MiB of JSON, cold connection, median",
    xLabel: "milliseconds from the call",
    names: layouts,
    panels: cells.map((cell) => ({
      title: linkName(cell),
      values: layouts.map((layout) => cell.sides[`${layout} / cold`].firstMs?.p50 ?? 0),
    })),
  });
  return { text, charts: { "first-byte": chart } };
}

/** @param {import("../measure.mjs").Summary} summary */
const firstOf = ({ firstMs }) => (firstMs === undefined ? "–" : spread(firstMs));

/**
 * Writing: one put against one request, and what the size of pieces does.
 *
 * @param {Awaited<ReturnType<typeof import("../experiments/uploads.mjs").uploads.run>>} measured
 */
export function renderUploads({ whole, inPieces }) {
  const post = whole.sides["one POST of the frame"].ms;
  const put = whole.sides["put of bytes"].ms;
  const wholeRows = Object.entries(whole.sides).map(([name, { ms: own, requests, upBytes }]) => [
    name,
    spread(own),
    times(own.p50 / post.p50),
    count(requests),
    count(upBytes),
  ]);
  const pieceNames = inPieces.pieces.map((size) => (size < 16_384 ? "1.3 KB" : sizeName(size)));
  const pieceRows = inPieces.cells.map((cell) => [
    linkName(cell),
    spread(cell.sides["one request"].ms),
    ...[1, 6].flatMap((parallel) =>
      inPieces.pieces.map((size) => {
        const side = cell.sides[`${parallel} × ${size}`];
        return side === undefined ? "–" : `${ms(side.ms.p50)} (${side.n})`;
      }),
    ),
  ]);
  const some = inPieces.cells[0].sides;
  const costs = inPieces.pieces.map((size, index) => {
    const { requests, upBytes } = some[`1 × ${size}`];
    return [pieceNames[index], count(requests), percent(upBytes / some["one request"].upBytes - 1)];
  });
  const text = [
    `\`store.put\` of ${sizeName(whole.size)} of JSON (${count(whole.compressedSize)} bytes compressed) at 100 Mbit and 20 ms, against one POST of the`,
    `frame that was compressed before: ${times(put.p50 / post.p50)} in the median, ${times(put.min / post.min)} in the minimum; the goal is ×1.3.`,
    "",
    table(["what", "ms", "against the POST", "requests", "bytes up"], wholeRows),
    "",
    `Pieces: ${count(inPieces.compressedSize)} compressed bytes, compressed and put with \`{ pieceSize, concurrency }\`, ms (runs); "one request"`,
    `sends the finished frame. Pieces of packet size one at a time are left out where they take a minute.`,
    "",
    `![Writing a compressed MiB in pieces](network/pieces.svg)`,
    "",
    table(
      [
        "link",
        "one request",
        ...[1, 6].flatMap((parallel) => pieceNames.map((name) => `${parallel} × ${name}`)),
      ],
      pieceRows,
    ),
    "",
    `What a piece size costs, one at a time, at ${linkName(inPieces.cells[0])}:`,
    "",
    table(["pieces", "requests", "bytes up against one request"], costs),
  ].join("\n");
  const chart = lineChart({
    title: "Writing a compressed MiB, median",
    xLabel: "size of a piece",
    yLabel: "milliseconds (logarithmic)",
    places: [...pieceNames, "whole"],
    panels: inPieces.cells.map((cell) => ({
      title: linkName(cell),
      series: Object.fromEntries(
        [1, 6].map((parallel) => [
          parallel === 1 ? "one at a time" : "six at a time",
          [
            ...inPieces.pieces.map((size) => cell.sides[`${parallel} × ${size}`]),
            cell.sides["one request"],
          ].map((side) => side?.ms.p50),
        ]),
      ),
    })),
  });
  return { text, charts: { pieces: chart } };
}
