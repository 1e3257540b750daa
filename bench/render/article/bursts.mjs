/** The section of docs/article.md about contexts from a pool. */
import { figure, markdownTable, megabytes, whole } from "../tables.mjs";

/** @param {import("../../article/sections.mjs").Article["bursts"]} part */
export function section({ burst, times, allocated, held, streams }) {
  const rows = Object.entries(times).map(([name, [least, median, , high]]) => [
    name,
    `${figure(least)} µs`,
    `${figure(median)} µs`,
    `${figure(high)} µs`,
  ]);
  return `## Contexts from a pool: a burst of ${whole(burst)} values of 1 KB

**It claims** that a pool of encoders is needed, so that thousands of concurrent jobs do not churn memory. It gives no figures.

${markdownTable(["a call", "least", "median", "90th percentile"], rows)}

In Go an encoder for each call allocates ${whole(allocated.own ?? 0)} bytes a call, an encoder that is used again ${whole(allocated.pooled ?? 0)}: there the claim holds. In
WebAssembly a context for each call costs what the table says, because nothing collects garbage: the allocator hands out what the
last call gave back. What counts there is how many are in hand at once: ${whole(held.held)} contexts that have each compressed one value take ${megabytes(held.bytes)} of
linear memory, which never shrinks. zstash compresses a value at once with one context. For streams, which hold theirs while their users
pause, it has a pool with a bound: ${whole(burst)} compression streams opened at once had at most ${whole(streams.contexts)} contexts, the others waited, and all were done
after ${figure(streams.ms / 1000)} s with ${megabytes(streams.bytes)} more.`;
}
