// Dictionaries of zstash/train beside those of `zstd --train`: ratio on held-out records, time of training, and what a
// dictionary does to the time of a call. Needs the zstd program.
//
//   node bench/train.mjs [--json]

import { parseArgs } from "node:util";
import { readDictionary } from "zstash";
import { trainDictionary } from "zstash/train";
import { recordSets, trainingSet } from "./corpus/small-records.mjs";
import {
  divide,
  MAX_SIZE,
  ratioOf,
  requireProgram,
  slices,
  trainWithProgram,
  zstd,
} from "./dictionaries/trained.mjs";
import { percentile } from "./interleave.mjs";

const { values: flags } = parseArgs({ options: { json: { type: "boolean" } } });
const encoder = new TextEncoder();
requireProgram();

/** @param {Uint8Array} dictionary @param {readonly Uint8Array[]} samples Which of their tokens it holds. */
function rareTokens(dictionary, samples) {
  const text = Buffer.from(dictionary).toString("latin1");
  const counts = new Map();
  for (const sample of samples) {
    const found =
      Buffer.from(sample)
        .toString("latin1")
        .match(/[\w.]+@[\w.]+|[0-9a-f]{16,}/g) ?? [];
    for (const token of new Set(found)) counts.set(token, (counts.get(token) ?? 0) + 1);
  }
  return [...counts].filter(([token, count]) => count < 3 && text.includes(token)).length;
}

/**
 * One set of records: ratios of the program's dictionary and of ours by `minSamples` 1, 2 and 3, and rare tokens in each.
 *
 * @typedef {object} Row
 * @property {string} name
 * @property {number} samples
 * @property {number} heldOut
 * @property {number} without
 * @property {{ ratio: number, tokens: number }} program
 * @property {{ ratio: number, tokens: number }[]} ours
 */

/** @type {Row[]} */
const ratios = [];
for (const { name, read } of recordSets) {
  const { heldOut, samples } = divide(read());
  const without = ratioOf(heldOut);
  const program = trainWithProgram(samples);
  const ours = [];
  for (const minSamples of [1, 2, 3]) {
    const { dictionary } = await trainDictionary(samples, { maxSize: MAX_SIZE, minSamples });
    ours.push({ ratio: ratioOf(heldOut, dictionary), tokens: rareTokens(dictionary, samples) });
  }
  ratios.push({
    name,
    samples: samples.length,
    heldOut: heldOut.length,
    without,
    program: {
      ratio: Math.max(...program.map((bytes) => ratioOf(heldOut, bytes))),
      tokens: Math.min(...program.map((bytes) => rareTokens(bytes, samples))),
    },
    ours,
  });
}

/** Sizes of dictionaries for the default, over all sets. */
const sizes = [];
for (const maxSize of [4096, 16_384, 32_768, 65_536, 112_640]) {
  /** @type {number[]} */
  const cells = [];
  for (const level of [1, 3]) {
    for (const { read } of recordSets) {
      const { heldOut, samples } = divide(read());
      const { dictionary } = await trainDictionary(samples, { maxSize, level });
      cells.push(ratioOf(heldOut, dictionary, level));
    }
  }
  sizes.push({ maxSize, cells });
}

/**
 * Medians of a call without and with the dictionary, in turn, in microseconds.
 *
 * @param {readonly Uint8Array[]} values
 * @param {Uint8Array} bytes
 */
function timesOf(values, bytes) {
  const dictionary = readDictionary(bytes);
  /** @type {Record<"without" | "with", number[]>} */
  const taken = { without: [], with: [] };
  for (let round = 0; round < 60; round++) {
    for (const [side, options] of /** @type {const} */ ([
      ["without", {}],
      ["with", { dictionary }],
    ])) {
      const started = process.hrtime.bigint();
      for (const value of values) zstd.compress(value, options);
      const each = Number(process.hrtime.bigint() - started) / 1000 / values.length;
      if (round >= 10) taken[side].push(each);
    }
  }
  return { without: percentile(taken.without, 0.5), with: percentile(taken.with, 0.5) };
}

const [sessions] = recordSets.filter(({ name }) => name === "sessions");
const times = [];
for (const size of [256, 512, 1024]) {
  const { heldOut, samples } = divide(sessions.read());
  const { dictionary } = await trainDictionary(samples);
  const values = slices(heldOut, size);
  times.push({ size, ...timesOf(values, dictionary) });
}

/** Six megabytes: the time of the whole call, of a process that has trained before. */
const six = trainingSet(6e6).map((record) => encoder.encode(record));
const trainings = [];
for (let round = 0; round < 5; round++) {
  const [started, used] = [performance.now(), process.cpuUsage()];
  await trainDictionary(six);
  const { user, system } = process.cpuUsage(used);
  trainings.push({ wall: performance.now() - started, cpu: (user + system) / 1000 });
}
const [program] = [performance.now()];
trainWithProgram(six);
const programTime = performance.now() - program;

if (flags.json === true) {
  console.log(JSON.stringify({ ratios, sizes, times, trainings }));
} else {
  /** @param {number} value */
  const of = (value) => value.toFixed(2).padStart(6);
  console.log(
    "Ratio at level 1, dictionaries of 64 KB, and their share of the program's: below 99 % it is marked.",
  );
  console.log(
    "Tokens: e-mail addresses and runs of 16 hexadecimal digits or more that fewer than three samples have.\n",
  );
  console.log(
    "records             train  held out  without  zstd --train  tokens      min 1           tokens      min 2           tokens      min 3           tokens",
  );
  for (const { name, samples, heldOut, without, program, ours } of ratios) {
    const cells = ours.map(({ ratio, tokens }) => {
      const share = ratio / program.ratio;
      const mark = share < 0.99 ? "!" : " ";
      return `${of(ratio)} ${(100 * share).toFixed(1).padStart(6)} %${mark} ${String(tokens).padStart(7)}`;
    });
    console.log(
      `${name.padEnd(17)} ${String(samples).padStart(7)} ${String(heldOut).padStart(9)} ${of(without).padStart(8)} ${of(program.ratio).padStart(13)} ${String(program.tokens).padStart(7)}  ${cells.join("  ")}`,
    );
  }
  console.log(
    `\nRatio by maxSize (${recordSets.map(({ name }) => name).join(", ")}; level 1, then level 3)\n`,
  );
  for (const { maxSize, cells } of sizes)
    console.log(`${String(maxSize).padStart(8)} ${cells.map(of).join(" ")}`);
  console.log("\nMicroseconds of compress, sessions, level 1\n\n  size  without    with  with/without");
  for (const { size, without, with: withIt } of times) {
    console.log(
      `${String(size).padStart(6)} ${of(without).padStart(8)} ${of(withIt).padStart(7)} ${of(withIt / without).padStart(13)}`,
    );
  }
  const wall = percentile(
    trainings.map((one) => one.wall),
    0.5,
  );
  const cpu = percentile(
    trainings.map((one) => one.cpu),
    0.5,
  );
  console.log(
    `\nTraining on ${(six.reduce((sum, { length }) => sum + length, 0) / 1e6).toFixed(1)} MB (sessions and events): ${wall.toFixed(0)} ms, ${cpu.toFixed(0)} ms of processor time, report included`,
  );
  console.log(`(zstd --train twice, with writing ${six.length} files: ${programTime.toFixed(0)} ms)`);
}
