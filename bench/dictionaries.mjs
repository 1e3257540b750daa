// What dictionaries do for values, each figure beside what was asked of it: ratio against `zstd --train` on records that are
// held out, time of a compression, bytes and processor time of SET and GET, time of training, requests of readers, and
// the price of a thousand dictionaries. Needs the zstd program; 2 minutes.
//
//   node bench/dictionaries.mjs [--json]

import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { readDictionary } from "zstash";
import { trainDictionary } from "zstash/train";
import { recordSets, trainingSet } from "./corpus/small-records.mjs";
import { countRequests, measurePairs, measureThousand } from "./dictionaries/through-clients.mjs";
import {
  divide,
  MAX_SIZE,
  ratioOf,
  requireProgram,
  slices,
  trainWithProgram,
  zstd,
} from "./dictionaries/trained.mjs";
import { interleave, percentile } from "./interleave.mjs";
import { count, marked, table } from "./table.mjs";

const { values: flags } = parseArgs({ options: { json: { type: "boolean" } } });
requireProgram();

/** What was asked of each figure. */
const ASKED = { ratio: 0.99, compress: 0.6, bytes: 0.45, cpu: 1, training: 1000 };

const server = fork(fileURLToPath(new URL("server.mjs", import.meta.url)));
const [{ url, token, backend }] = await once(server, "message");

/** @param {(typeof recordSets)[number]} set */
async function measureSet({ name, read }) {
  const { heldOut, samples } = divide(read());
  const program = Math.max(...trainWithProgram(samples).map((bytes) => ratioOf(heldOut, bytes)));
  const [any, common] = await Promise.all(
    [1, 3].map(
      async (minSamples) => (await trainDictionary(samples, { maxSize: MAX_SIZE, minSamples })).dictionary,
    ),
  );
  const values = slices(heldOut, 256);
  const options = { dictionary: readDictionary(common) };
  const compress = interleave(
    {
      with: () => values.forEach((value) => zstd.compress(value, options)),
      without: () => values.forEach((value) => zstd.compress(value)),
    },
    { rounds: 40, budget: 1, warmup: 20 },
  );
  return {
    name,
    trained: samples.length,
    heldOut: heldOut.length,
    without: ratioOf(heldOut),
    program,
    any: ratioOf(heldOut, any),
    common: ratioOf(heldOut, common),
    compress: {
      microseconds: compress.times.with.median / values.length,
      minimum: compress.ratios.without.min,
      median: compress.ratios.without.median,
    },
    pairs: await measurePairs({ url, token }, heldOut, common),
  };
}

/** @type {Awaited<ReturnType<typeof measureSet>>[]} */
const sets = [];
for (const set of recordSets) sets.push(await measureSet(set));

const encoder = new TextEncoder();
const six = trainingSet(6e6).map((record) => encoder.encode(record));
/** @type {{ wall: number, cpu: number }[]} */
const trainings = [];
for (let round = 0; round < 6; round++) {
  const [started, used] = [performance.now(), process.cpuUsage()];
  await trainDictionary(six);
  const { user, system } = process.cpuUsage(used);
  // The first compiles the module.
  if (round > 0) trainings.push({ wall: performance.now() - started, cpu: (user + system) / 1000 });
}
/** @param {"wall" | "cpu"} clock */
const timesBy = (clock) => {
  const times = trainings.map((one) => one[clock]);
  return { minimum: Math.min(...times), median: percentile(times, 0.5) };
};
const training = { wall: timesBy("wall"), cpu: timesBy("cpu") };

const sessions = recordSets.find(({ name }) => name === "sessions");
if (sessions === undefined) throw new Error("there is no set of sessions");
const records = sessions.read();
const { dictionary } = await trainDictionary(records.slice(1000), { maxSize: 16_384 });
const requests = await countRequests({ url, token }, records.slice(0, 11), dictionary);
const thousand = await measureThousand(records.slice(0, 200), dictionary);
server.disconnect();

const result = { node: process.version, backend, asked: ASKED, sets, training, requests, thousand };
console.log(flags.json === true ? JSON.stringify(result, undefined, 2) : rendered());
process.exit();

function rendered() {
  const fixed = (/** @type {number} */ value) => value.toFixed(2);
  /** A figure, marked where it is above (or with `least` below) what was asked. */
  const judged = (/** @type {number} */ value, /** @type {number} */ asked) =>
    marked(fixed(value), value > asked);
  const share = (/** @type {number} */ ratio, /** @type {number} */ program) =>
    marked(
      `${fixed(ratio)} ${((100 * ratio) / program).toFixed(1).padStart(6)} %`,
      ratio / program < ASKED.ratio,
    );
  return [
    `Ratio at level 1 with 64 KB, on records that are held out, and its share of \`zstd --train\`'s: asked 99 %. Marked (!) below.`,
    table(
      ["records", "trained on", "held out", "without", "zstd --train", "minSamples 1", "minSamples 3"],
      sets.map(({ name, trained, heldOut, without, program, any, common }) => [
        name,
        count(trained),
        count(heldOut),
        fixed(without),
        fixed(program),
        share(any, program),
        share(common, program),
      ]),
    ),
    "",
    `compress of 256 B with the dictionary over the same call without: asked at most ${ASKED.compress}.`,
    table(
      ["records", "microseconds", "minimum", "median"],
      sets.map(({ name, compress }) => [
        name,
        fixed(compress.microseconds),
        judged(compress.minimum, ASKED.compress),
        judged(compress.median, ASKED.compress),
      ]),
    ),
    "",
    `SET and GET of records of 400 to 650 B through zstash/redis over the stock client: bytes in Redis, asked at most ${ASKED.bytes},`,
    `and processor time of the client, asked at most ${fixed(ASKED.cpu)} (server: ${backend}, in another process).`,
    table(
      ["records", "bytes each", "bytes", "no dictionary", "CPU, minimum", "median", "no dictionary"],
      sets.map(({ name, pairs }) =>
        pairs === undefined
          ? [name, "none", "", "", "", "", ""]
          : [
              name,
              pairs.size.toFixed(0),
              judged(pairs.bytes.with, ASKED.bytes),
              fixed(pairs.bytes.without),
              judged(pairs.cpu.with.minimum, ASKED.cpu),
              judged(pairs.cpu.with.median, ASKED.cpu),
              fixed(pairs.cpu.without.median),
            ],
      ),
    ),
    "",
    table(
      ["", "asked", "measured"],
      [
        ...Object.entries({ "wall time": training.wall, "processor time": training.cpu }).map(
          ([clock, { minimum, median }]) => [
            `training on 6 MB, ${clock} in ms: minimum, median`,
            `at most ${count(ASKED.training)}`,
            marked(`${minimum.toFixed(0)}, ${median.toFixed(0)}`, median > ASKED.training),
          ],
        ),
        [
          "further requests of a reader's first unknown id; of ten later values",
          "1; 0",
          marked(`${requests.first}; ${requests.later}`, requests.first > 1 || requests.later > 0),
        ],
        [
          "SET and GET in memory, 1,000 dictionaries known over 1: minimum, median",
          "no difference",
          marked(
            `${fixed(thousand.minimum)}, ${fixed(thousand.median)}`,
            Math.min(thousand.minimum, thousand.median) > 1.05,
          ),
        ],
      ],
    ),
  ].join("\n");
}
