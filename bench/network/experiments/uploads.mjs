/** What writing large values takes: a put against one request, and pieces of several sizes. */
import { loadZstd } from "zstash";
import { createStore } from "zstash/store";
import { jsonOfSize } from "../../json-of-size.mjs";
import { post } from "../rest.mjs";

const MiB = 1 << 20;
const PIECES = [1300, 16 << 10, 64 << 10, 256 << 10];
/**
 * Pieces of packet size in sequence take a minute or more where a round trip is long or packets are lost: left out.
 *
 * @param {{ rtt: number, loss: number }} link
 * @param {number} pieceSize
 * @param {number} concurrency
 */
const isEndless = (link, pieceSize, concurrency) =>
  pieceSize === PIECES[0] && concurrency === 1 && (link.rtt > 20 || link.loss > 0);

/**
 * JSON that becomes a MiB when compressed, to about a percent.
 *
 * @param {import("zstash").Zstd} zstd
 */
function jsonForMiB(zstd) {
  let length = 4 * MiB;
  for (let step = 0; step < 4; step++)
    length = Math.round(length * (MiB / zstd.compress(jsonOfSize(length)).length));
  return jsonOfSize(length);
}

/**
 * A value of 10 MiB that is compressed while it is sent, against the same bytes in one request.
 *
 * @param {import("zstash").Zstd} zstd
 * @param {import("../experiments.mjs").Context} context
 */
async function whole(zstd, { quick, warm, token, setLink, inTurn }) {
  const text = jsonOfSize(quick ? 3 * MiB : 10 * MiB);
  const source = new TextEncoder().encode(text);
  const frame = zstd.compress(source);
  const own = warm.map((url) => ({ url, token }));
  const stores = [createStore(own[0]), createStore(own[1])];
  await setLink({ mbit: 100, rtt: 20 });
  for (const where of own.slice(0, 4)) await post(where, ["ping"], "");
  const sides = {
    "put of bytes": () => stores[0].put("whole:bytes", source),
    "put of a stream": () => stores[1].put("whole:stream", new Blob([text]).stream()),
    "one POST of the frame": () => post(own[2], ["set", "whole:post"], frame),
    "compress, then one POST": () => post(own[3], ["set", "whole:after"], zstd.compress(source)),
  };
  const measured = await inTurn(
    sides,
    quick ? { least: 2, most: 2 } : { least: 7, most: 15, budget: 15_000 },
  );
  if ((await stores[0].getText("whole:bytes")) !== text)
    throw new Error("the uploaded value came back different");
  return { size: source.length, compressedSize: frame.length, sides: measured };
}

/**
 * A compressed MiB in pieces of several sizes, one at a time and six at a time, against one request.
 *
 * @param {import("zstash").Zstd} zstd
 * @param {import("../experiments.mjs").Context} context
 */
async function inPieces(zstd, { quick, warm, token, setLink, inTurn, progress }) {
  const text = jsonForMiB(zstd);
  const frame = zstd.compress(text);
  const links = quick
    ? [{ mbit: 1000, rtt: 1, loss: 0 }]
    : [
        { mbit: 1000, rtt: 1, loss: 0 },
        { mbit: 100, rtt: 20, loss: 0 },
        { mbit: 100, rtt: 80, loss: 0 },
        { mbit: 100, rtt: 20, loss: 1 },
      ];
  const cells = [];
  for (const [index, link] of links.entries()) {
    progress(index + 1, links.length + 1, `pieces, ${link.mbit} Mbit, ${link.rtt} ms, ${link.loss} % loss`);
    await setLink(link);
    const own = warm.map((url) => ({ url, token }));
    /** @type {Record<string, () => Promise<unknown>>} */
    const sides = { "one request": () => post(own[0], ["set", "pieces:one"], frame) };
    let port = 1;
    for (const concurrency of [1, 6]) {
      for (const pieceSize of PIECES) {
        const where = own[port++];
        const store = createStore({ ...where, pieceSize, concurrency });
        await post(where, ["ping"], "");
        if (isEndless(link, pieceSize, concurrency)) continue;
        sides[`${concurrency} × ${pieceSize}`] = () => store.put(`pieces:${concurrency}:${pieceSize}`, text);
      }
    }
    const options = quick ? { least: 1, most: 1 } : { least: 3, most: 9, budget: 15_000, patience: 3_000 };
    cells.push({ ...link, sides: await inTurn(sides, options) });
  }
  return { size: text.length, compressedSize: frame.length, pieces: PIECES, cells };
}

/**
 * What putting a value takes.
 *
 * @satisfies {import("../experiments.mjs").Experiment}
 */
export const uploads = {
  name: "uploads",
  title: "Writing large values",
  lab: "direct",
  async run(context) {
    const zstd = await loadZstd();
    context.progress(0, 1, "one value of 10 MiB");
    return { whole: await whole(zstd, context), inPieces: await inPieces(zstd, context) };
  },
};
