/** The sections of docs/benchmarks.md that print their own text: what runs, and what it is about. */

/** Both sides in Node's oldest supported release and in the one that the runtimes' tests bring. */
export const node24 = "test/runtimes/node_modules/node24/bin/node";
const wireSpeed = ["bench/wire-speed.mjs", "--node", "node", "--node", node24, "--quick"];
const others = [
  ["--deno", "test/runtimes/node_modules/@deno/linux-x64-glibc/deno"],
  ["--bun", "test/runtimes/node_modules/@oven/bun-linux-x64/bin/bun"],
].flat();

/**
 * The sections that print their own text. Those that are not `short` run with --full alone, or by name. `data`: the program writes its
 * figures with --json as well, for the page's targets and for --compare. `quick`: what makes it a trial of seconds; without it the section
 * is left out with --quick.
 *
 * @type {readonly { name: string, title: string, command: readonly string[], short?: boolean, data?: boolean, quick?: readonly string[], about: string, needs?: string }[]}
 */
export const parts = [
  {
    name: "codec",
    title: "Through the JavaScript API, against the runtime's own zstd and @bokuweb/zstd-wasm",
    command: ["bench/codec.mjs"],
    short: true,
    data: true,
    quick: ["--quick"],
    about: "Times of zstash in microseconds, and as multiples of the others': below 1 zstash is faster.",
  },
  {
    name: "kernel",
    title: "The kernel, against native zstd",
    command: ["bench/kernel.mjs"],
    data: true,
    quick: ["--quick"],
    about: "The C functions alone, without copies; native is the same sources at -O3 -mbmi2.",
  },
  {
    name: "streams",
    title: "Streams",
    command: ["--expose-gc", "bench/streams.mjs"],
    data: true,
    quick: ["--quick"],
    about:
      "Against one-shot on the same bytes; frames of a packet's size against one frame; then a gibibyte through both directions.",
  },
  {
    name: "wire",
    title: "Through @upstash/redis: bytes, processor time, latencies, the event loop",
    command: ["bench/wire.mjs"],
    quick: ["--quick"],
    about:
      "JSON of the corpus through the client alone and with zstash, over loopback to a local server on a real Redis.",
  },
  {
    name: "http",
    title: "zstash/redis over the stock client: HTTP",
    command: wireSpeed,
    about: "Texts of JSON, through the transport that Node gets.",
    needs: "test/runtimes/node_modules",
  },
  {
    name: "at-once",
    title: "zstash/redis over the stock client: 64 at once",
    command: [...wireSpeed, "--at-once"],
    about: "The same, 64 at once: in one pipeline, and each in a request of its own.",
    needs: "test/runtimes/node_modules",
  },
  {
    name: "https",
    title: "zstash/redis over the stock client: HTTPS",
    command: [...wireSpeed, "--https"],
    about: "The same with TLS.",
    needs: "test/runtimes/node_modules",
  },
  {
    name: "random",
    title: "zstash/redis over the stock client: values that stay uncompressed",
    command: [...wireSpeed, "--random"],
    about: "Texts of random characters.",
    needs: "test/runtimes/node_modules",
  },
  {
    name: "fetch",
    title: "zstash/redis over the stock client: over fetch",
    command: [...wireSpeed, "--fetch", ...others],
    about:
      "JSON through `fetch`, which zstash uses on other runtimes, and on Node where it is not Node's own.",
    needs: "test/runtimes/node_modules",
  },
  {
    name: "train",
    title: "Dictionaries",
    command: ["bench/train.mjs"],
    about: "Those of `zstash/train` beside those of `zstd --train`, on records that neither has seen.",
  },
  {
    name: "dictionaries",
    title: "Small values with dictionaries",
    command: ["bench/dictionaries.mjs"],
    about: "What was asked of dictionaries, and what they do: for values, for requests, for clients.",
  },
  {
    name: "cost",
    title: "What a million values cost",
    command: ["bench/cost.mjs"],
    quick: [],
    about:
      "Measured sizes of the corpus through the cost model that `zstash estimate` uses. Where commands are most of the bill, less storage changes the plan and not the price of a command.",
  },
  {
    name: "store",
    title: "Values of any size",
    command: ["--expose-gc", "bench/store.mjs"],
    quick: ["--size", "16", "--rounds", "1"],
    about: "Through the store, over loopback to a local server on a real Redis; see also network.md.",
  },
  {
    name: "serve",
    title: "Serving stored values",
    command: ["bench/serve.mjs"],
    about:
      "A frame that is passed on beside one that is decoded, and a page in Chromium on a slow link; without Chromium its table is left out.",
  },
  {
    name: "load",
    title: "Cold load",
    command: ["test/runtimes/load-bench.mjs"],
    about: "From nothing to the first compressed kilobyte, in new processes, isolates and pages.",
    needs: "test/runtimes/node_modules",
  },
];
