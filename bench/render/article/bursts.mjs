/** The section of docs/article.md about contexts from a pool. */
import { figure, markdownTable, megabytes, whole } from "../tables.mjs";

/** What two times may differ by and be called even. */
const EVEN = 0.05;
/** How many times the bytes of an encoder that is used again churn begins at. */
const HOLDS = 10;

/** @param {import("../../article/sections.mjs").Article["bursts"]} part */
export function section({ burst, times, allocated, held, streams }) {
  const names = Object.keys(times);
  /** The Go library's way of the same kind. @param {string} name */
  const peerOf = (name) =>
    name.startsWith("zstash")
      ? times[name.includes("a context a call") ? "klauspost, an encoder a call" : "klauspost, one encoder"]
      : undefined;
  const rows = names.map((name) => [
    name,
    ...[0, 1, 3].map((at) => {
      const [own, other] = [times[name][at], peerOf(name)?.[at]];
      return other !== undefined && own > other ? `**${figure(own)} µs !**` : `${figure(own)} µs`;
    }),
  ]);
  const factor = (/** @type {string} */ unpooled, /** @type {string} */ pooled) =>
    times[unpooled] === undefined || times[pooled] === undefined
      ? undefined
      : times[unpooled][1] / times[pooled][1];
  const go = factor("klauspost, an encoder a call", "klauspost, one encoder");
  const own = factor("zstash.wasm, a context a call", "zstash.wasm, one context");
  const goText =
    go === undefined || allocated.own === undefined || allocated.pooled === undefined
      ? ""
      : `In Go an encoder for each call takes ${figure(go)} times the time of one that is used again and allocates ${whole(allocated.own)} bytes a call, the other ${whole(allocated.pooled)}: there the claim ${allocated.own > HOLDS * Math.max(1, allocated.pooled) && go > 1 + EVEN ? "holds" : "does not hold"}. `;
  const ownText =
    own === undefined
      ? ""
      : `In WebAssembly a context for each call takes ${figure(own)} times the time of one for all${
          own < 1 + EVEN
            ? ", because nothing collects garbage: the allocator hands out what the last call gave back"
            : ": making it and giving it back is what the rest is for, though nothing collects garbage"
        }. `;
  const waited = streams.contexts < burst ? "the others waited, and all" : "none waited, and all";
  return `## Contexts from a pool: a burst of ${whole(burst)} values of 1 KB

**It claims** that a pool of encoders is needed, so that thousands of concurrent jobs do not churn memory. It gives no figures.

${markdownTable(["a call", "least", "median", "90th percentile"], rows)}

${rows.some((row) => row.some((text) => text.includes("!"))) ? `Where zstash takes longer than the Go library in the same way, the number is in bold with "!".\n\n` : ""}${goText}${ownText}What counts there is how many are in hand at once: ${whole(held.held)} contexts that have each compressed one value take ${megabytes(held.bytes)} of
linear memory, which never shrinks. zstash compresses a value at once with one context. For streams, which hold theirs while their users
pause, it has a pool with a bound: ${whole(burst)} compression streams opened at once had at most ${whole(streams.contexts)} contexts, ${waited} were done
after ${figure(streams.ms / 1000)} s with ${megabytes(streams.bytes)} more.`;
}
