/** What the benchmarks of dictionaries share: records that are held out, zstd's own trainer, ratios, times in turn. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadZstd, readDictionary } from "zstash";
import { percentile } from "../interleave.mjs";

export const MAX_SIZE = 65_536;
const HELD_OUT_MAX = 1000;
const encoder = new TextEncoder();
export const zstd = await loadZstd();

/** Ends the process where the zstd program is not on this machine. */
export function requireProgram() {
  if (spawnSync("zstd", ["--version"]).status === 0) return;
  console.log("skipped: the zstd program is not on this machine (apt-get install zstd)");
  process.exit();
}

/**
 * The records by turns: every third is held out, up to a thousand; none of those is trained on.
 *
 * @param {readonly string[]} records
 */
export function divide(records) {
  const heldOut = records.filter((_, index) => index % 3 === 1);
  return {
    heldOut: heldOut.slice(0, HELD_OUT_MAX).map((record) => encoder.encode(record)),
    samples: records.filter((_, index) => index % 3 !== 1).map((record) => encoder.encode(record)),
  };
}

/**
 * What the program trains for its levels 1 and 3, which is its default.
 *
 * @param {readonly Uint8Array[]} samples
 * @returns {Uint8Array[]}
 */
export function trainWithProgram(samples) {
  const folder = mkdtempSync(join(tmpdir(), "zstash-bench-train-"));
  try {
    for (const [index, sample] of samples.entries()) {
      writeFileSync(join(folder, `${index}`.padStart(6, "0")), sample);
    }
    return [1, 3].map((level) => {
      const output = `${folder}.${level}`;
      execFileSync(
        "zstd",
        ["-q", "-f", "--train", `-${level}`, "-r", folder, `--maxdict=${MAX_SIZE}`, "-o", output],
        { stdio: "ignore" },
      );
      const bytes = new Uint8Array(readFileSync(output));
      rmSync(output);
      return bytes;
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * Uncompressed bytes over compressed ones.
 *
 * @param {readonly Uint8Array[]} values
 * @param {Uint8Array} [bytes] The dictionary.
 * @param {number} [level]
 */
export function ratioOf(values, bytes, level = 1) {
  const options = bytes === undefined ? { level } : { level, dictionary: readDictionary(bytes) };
  const compressed = values.reduce((sum, value) => sum + zstd.compress(value, options).length, 0);
  return values.reduce((sum, { length }) => sum + length, 0) / compressed;
}

/**
 * Two hundred values of one size, out of records behind one another.
 *
 * @param {readonly Uint8Array[]} records
 * @param {number} size
 */
export function slices(records, size) {
  const joined = Buffer.concat(records);
  const count = Math.min(200, Math.floor(joined.length / size));
  return Array.from(
    { length: count },
    (_, index) => new Uint8Array(joined.subarray(index * size, (index + 1) * size)),
  );
}

/**
 * Runs blocks of asynchronous work in turn, round by round, and takes the processor time of the whole process.
 *
 * @param {readonly [first: () => Promise<void>, ...others: (() => Promise<void>)[]]} sides
 * @param {{ rounds: number, warm: number, calls: number }} options `calls` of a block, by which its time is divided.
 * @returns {Promise<{ each: number, minimum: number, median: number }[]>} Microseconds of a call of each side; its
 * minimum over the first side's, and the median of the rounds' ratios.
 */
export async function inTurn(sides, { rounds, warm, calls }) {
  /** @type {number[][]} */
  const taken = sides.map(() => []);
  for (let round = 0; round < rounds + warm; round++) {
    for (let turn = 0; turn < sides.length; turn++) {
      const side = (turn + round) % sides.length;
      const before = process.cpuUsage();
      await sides[side]();
      const { user, system } = process.cpuUsage(before);
      if (round >= warm) taken[side].push((user + system) / calls);
    }
  }
  const [first] = taken;
  return taken.map((times) => ({
    each: percentile(times, 0.5),
    minimum: Math.min(...times) / Math.min(...first),
    median: percentile(
      times.map((time, round) => time / first[round]),
      0.5,
    ),
  }));
}
