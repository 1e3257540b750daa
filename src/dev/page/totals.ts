/** Sums up a sample of the keys for the totals and their plot, at most every two seconds while a page is open. */
import { wallClock } from "../../timers.ts";
import type { Backend } from "../backend.ts";
import { ask, bytesOf, itemsOf } from "./ask.ts";
import { decodes } from "./content.ts";
import { readKeyCount, readMemory } from "./detail.ts";
import { readFacts } from "./facts.ts";
import type { KeyFacts, Sample, Totals } from "./protocol.ts";

/** Keys of a sample. A database with no more keys is looked at completely. */
const SAMPLE_KEYS = 300;
/** Positions in a large database from which a sample is taken. */
const PLACES = 10;
/** Keys whose facts are asked for together. */
const AT_ONCE = 50;
/** Samples that are kept: an hour of them, every five seconds. */
const HISTORY_MAX = 720;
/** The time between two samples, in ms. */
const INTERVAL_MS = 2_000;
/** The time after which another request may take the sample, in ms. */
const TAKES_MS = 10_000;
/** Stored bytes that a sample decodes, which is also the largest value among them. */
const TRIED_BYTES = 2 << 20;
const TRIED_MAX = 256 << 10;
const TRIED_CONTENT = 4 << 20;

/** The totals of a server, and how they changed while somebody looked. */
export class TotalsReader {
  readonly #backend: Backend;
  readonly #history: Sample[] = [];
  /** When the current sample was begun: a request that never ends must not keep others from taking one. */
  #begun = -Infinity;

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  /** Takes a sample if the last one is older than two seconds and no other request is taking one. */
  async read(): Promise<Totals> {
    const now = wallClock();
    const isOld = now - (this.#history.at(-1)?.at ?? -Infinity) >= INTERVAL_MS;
    if (isOld && now - this.#begun >= TAKES_MS) {
      this.#begun = now;
      try {
        this.#history.push(await takeSample(this.#backend));
        if (this.#history.length > HISTORY_MAX) this.#history.shift();
      } finally {
        this.#begun = -Infinity;
      }
    }
    const memory = (await readMemory(this.#backend)) ?? null;
    return { latest: this.#history.at(-1) ?? EMPTY, memory, history: this.#history };
  }
}

const EMPTY: Sample = {
  at: 0,
  keys: 0,
  sampled: 0,
  strings: 0,
  compressed: 0,
  storedBytes: 0,
  contentBytes: 0,
  tried: 0,
  undecodable: 0,
};

async function takeSample(backend: Backend): Promise<Sample> {
  const keys = await readKeyCount(backend);
  const chosen = keys === 0 ? [] : await chooseKeys(backend, keys);
  const sample = { ...EMPTY, at: wallClock(), keys, sampled: chosen.length };
  let left = TRIED_BYTES;
  for (let at = 0; at < chosen.length; at += AT_ONCE) {
    const part = chosen.slice(at, at + AT_ONCE);
    const facts = await Promise.all(part.map((key) => readFacts(backend, key)));
    for (const [index, fact] of facts.entries()) {
      const { storedSize, size, carrier } = fact;
      if (fact.type !== "string" || storedSize === null) continue;
      if (size !== null) {
        sample.strings++;
        sample.storedBytes += storedSize;
        sample.contentBytes += size;
      }
      if (carrier === null) continue;
      sample.compressed++;
      if (storedSize > Math.min(left, TRIED_MAX)) continue;
      left -= storedSize;
      const verdict = await tryToDecode(backend, part[index]!, fact);
      if (verdict !== undefined) sample.tried++;
      if (verdict === false) sample.undecodable++;
    }
  }
  return sample;
}

async function tryToDecode(
  backend: Backend,
  key: Uint8Array,
  { fault }: KeyFacts,
): Promise<boolean | undefined> {
  if (fault !== null) return false;
  const stored = bytesOf(await ask(backend, "GETRANGE", key, 0, TRIED_MAX - 1));
  return stored.length === 0 ? undefined : decodes(stored, TRIED_CONTENT);
}

/**
 * All keys of a small database; for a larger one the keys at random positions of the scan, because RANDOMKEY takes
 * the embedded keyspace as long as all of its keys. A cursor below the number of keys is valid for every backend.
 */
async function chooseKeys(backend: Backend, keys: number): Promise<Uint8Array[]> {
  const isSmall = keys <= SAMPLE_KEYS;
  const cursors = isSmall ? [0] : Array.from({ length: PLACES }, () => Math.floor(Math.random() * keys));
  const count = isSmall ? 2 * SAMPLE_KEYS : SAMPLE_KEYS / PLACES;
  const parts = await Promise.all(cursors.map((cursor) => ask(backend, "SCAN", cursor, "COUNT", count)));
  return parts
    .flatMap((part) => itemsOf(itemsOf(part)[1]).slice(0, count).map(bytesOf))
    .slice(0, SAMPLE_KEYS);
}
