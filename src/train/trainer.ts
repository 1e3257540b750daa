/** The trainer's WebAssembly module: one instance trains one dictionary, step by step, and is dropped with its memory. */
import { instantiate, type ZstashExports } from "../engine/exports.ts";
import { LinearMemory } from "../engine/memory.ts";
import { trapped } from "../engine/zstd-errors.ts";
import { ZstashError } from "../errors.ts";

/** The exports of wasm/trainer.c. Addresses and sizes are i32; a result below 0 is an error. */
interface TrainerExports extends Pick<
  ZstashExports,
  "memory" | "_initialize" | "zstash_malloc" | "zstash_free"
> {
  train_begin(samples: number, ends: number, count: number, roles: number): number;
  train_configure(minSamples: number, level: number): void;
  train_mark(length: number): number;
  train_write_text(): number;
  train_try(segmentLength: number, to: number, capacity: number): number;
  train_finish(segmentLength: number, to: number, capacity: number): number;
}

/** The error results of the exports. */
const ERROR_MEMORY = -64;
const ERROR_NOTHING_COMMON = -2;

/** The roles of samples: `ROLE_…` of wasm/trainer.c. */
const HELD_OUT = 2;
const REPEATED = 3;

/**
 * The segment lengths that are tried, in bytes. zstd's own trainer also tries 50; 64 was the worst of five lengths,
 * by 5 to 30 % of the compressed size, on every set of bench/train.mjs.
 */
const SEGMENT_LENGTHS = [200, 512, 1024, 2000] as const;

/** Fewer different samples say too little: one of ten is held out. */
const SAMPLES_MIN = 10;

/** Samples one after another, and the end of each. */
export interface Samples {
  readonly bytes: Uint8Array;
  readonly ends: readonly number[];
}

/** The settings of a training. */
export interface TrainerSettings {
  readonly maxSize: number;
  readonly level: number;
  readonly minSamples: number;
}

/** The result of a training. */
export interface Training {
  /** The dictionary; its id is still 0. */
  readonly dictionary: Uint8Array<ArrayBuffer>;
  /** The number of samples that are not empty and repeat no earlier one. */
  readonly different: number;
  /** The indexes of the samples that the dictionary was not trained on. */
  readonly heldOut: readonly number[];
}

/** Trains a dictionary. `pause` is awaited between steps, each of which takes some 20 ms per MB of samples. */
export async function train(
  trainer: Trainer,
  samples: Samples,
  pause: () => Promise<void>,
): Promise<Training> {
  try {
    const { different, heldOut } = trainer.begin(samples);
    if (different < SAMPLES_MIN) {
      const others = samples.ends.length > different ? " (empty and repeated ones do not count)" : "";
      throw unsuitable(`${SAMPLES_MIN} different ones are needed, got ${different}${others}`);
    }
    await pause();
    for (const step of trainer.steps()) {
      step();
      await pause();
    }
    return { dictionary: trainer.finish(), different, heldOut };
  } catch (error) {
    throw error instanceof WebAssembly.RuntimeError ? trapped(error) : error;
  }
}

/** One instance of the module. Throws a TypeError if it is another module. */
export class Trainer {
  readonly #exports: TrainerExports;
  readonly #memory: LinearMemory;
  readonly #settings: TrainerSettings;
  /** The address at which the dictionary is made. */
  #to = 0;
  #best = { length: 0, size: Infinity };

  constructor(module: WebAssembly.Module, settings: TrainerSettings) {
    const exports = instantiate(module);
    if (!("train_begin" in exports)) throw new TypeError("the WebAssembly module is not zstash's trainer");
    this.#exports = exports as unknown as TrainerExports;
    this.#memory = new LinearMemory(exports);
    this.#settings = settings;
  }

  /** Copies the samples in. A few more bytes are allocated, because the trainer reads 8 at a time. */
  begin({ bytes, ends }: Samples): { readonly different: number; readonly heldOut: readonly number[] } {
    const at = this.#memory.allocate(bytes.length + 16).address;
    this.#memory.bytes().set(bytes, at);
    const endsAt = this.#memory.allocate(4 * ends.length + 4).address;
    new Uint32Array(this.#memory.bytes().buffer, endsAt, ends.length).set(ends);
    const rolesAt = this.#memory.allocate(ends.length + 1).address;
    const { minSamples, level, maxSize } = this.#settings;
    this.#to = this.#memory.allocate(maxSize).address;
    this.#exports.train_configure(minSamples, level);
    const different = check(this.#exports.train_begin(at, endsAt, ends.length, rolesAt));
    const roles = this.#memory.bytes().subarray(rolesAt, rolesAt + ends.length);
    const heldOut: number[] = [];
    let repeated = 0;
    for (const [index, role] of roles.entries()) {
      if (role === HELD_OUT) heldOut.push(index);
      else if (role === REPEATED) repeated += 1;
    }
    return { different: Math.min(different, ends.length - repeated), heldOut };
  }

  /** All steps up to the choice of the best segment length. */
  *steps(): Generator<() => void, void, undefined> {
    for (const length of [8, 16]) yield () => void check(this.#exports.train_mark(length));
    yield () => void check(this.#exports.train_write_text());
    for (const length of SEGMENT_LENGTHS) yield () => this.#try(length);
  }

  #try(length: number): void {
    const size = this.#exports.train_try(length, this.#to, this.#settings.maxSize);
    // Segments of another length may have what these lack.
    if (size === ERROR_NOTHING_COMMON) return;
    if (check(size) < this.#best.size) this.#best = { length, size };
  }

  finish(): Uint8Array<ArrayBuffer> {
    const { length } = this.#best;
    if (length === 0) throw nothingCommon();
    const size = check(this.#exports.train_finish(length, this.#to, this.#settings.maxSize));
    return this.#memory.bytes().slice(this.#to, this.#to + size);
  }
}

function check(result: number): number {
  if (result >= 0) return result;
  if (result === ERROR_NOTHING_COMMON) throw nothingCommon();
  if (result === ERROR_MEMORY) {
    throw new ZstashError(
      "OUT_OF_MEMORY",
      "Cannot train: WebAssembly memory is exhausted; take fewer samples",
    );
  }
  throw new ZstashError("INTERNAL", `Cannot train: the trainer failed with ${result}`);
}

function nothingCommon(): ZstashError {
  return unsuitable("they have nothing in common that a dictionary could hold");
}

/** The error for samples from which no dictionary can be made. */
function unsuitable(reason: string): ZstashError {
  return new ZstashError("SAMPLES_UNSUITABLE", `Cannot train on these samples: ${reason}`);
}
