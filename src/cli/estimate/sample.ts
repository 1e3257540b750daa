/**
 * Draws a sample of a live database by SCAN: the names of all keys, the lengths of some, the values of fewer. It only
 * reads.
 */
import type { RestClient } from "../../rest/client.ts";
import { utf8Length } from "../../text.ts";
import { Pace } from "../keyspace/pace.ts";
import { readLengths, readTypeNames, readValues, type Found } from "../keyspace/read.ts";
import { scanPages } from "../keyspace/scan.ts";
import { BottomK, type Drawn } from "./bottom-k.ts";

/** Keys that one SCAN looks at, lengths that one request asks for, and values that are read together. */
const SCAN_COUNT = 1000;
const LENGTHS = 250;
const VALUES = 50;
/** Keys that are no strings whose types are asked for. */
const TYPES = 500;

export interface SampleSettings {
  readonly pattern: string | undefined;
  /** The most lengths that are asked for. */
  readonly lengths: number;
  readonly seed: number;
  /** Lengths and values a second; 0 means as fast as possible. */
  readonly rate: number;
}

/** A key that was drawn, and the length of its string; undefined for other types. */
export interface Measured extends Drawn {
  readonly size: number | undefined;
}

/** What is known about all keys, and the first phase of the sample. */
export interface Sample {
  readonly keys: number;
  /** The bytes of all key names. */
  readonly nameBytes: number;
  /** Those that were drawn, without the ones whose lengths the token may not ask for. */
  readonly drawn: readonly Measured[];
  /** How many the token may not ask for. */
  readonly refused: number;
}

/** Called with the progress: what is being done, how many are done, and of how many. */
export type OnProgress = (what: string, done: number, total: number | undefined) => void;

/** Lists all keys, draws some, and asks for their lengths. */
export async function drawSample(
  client: RestClient,
  { pattern, lengths, seed, rate }: SampleSettings,
  onProgress: OnProgress,
): Promise<Sample> {
  const drawing = new BottomK(lengths, seed);
  let [keys, nameBytes] = [0, 0];
  for await (const page of scanPages(client, { pattern, count: SCAN_COUNT })) {
    for (const key of page.keys) {
      drawing.add(key);
      nameBytes += utf8Length(key);
    }
    keys += page.keys.length;
    onProgress("keys listed", keys, undefined);
  }
  const { drawn } = drawing;
  // SCAN gives some keys twice; a sample that holds all of them knows their true number.
  if (drawn.length < lengths) keys = drawn.length;
  const pace = new Pace(rate);
  const measured: Measured[] = [];
  let refused = 0;
  for (let at = 0; at < drawn.length; at += LENGTHS) {
    const some = drawn.slice(at, at + LENGTHS);
    await pace.take(some.length);
    const sizes = await readLengths(
      client,
      some.map(({ key }) => key),
    );
    for (const [index, one] of some.entries()) {
      const size = sizes[index];
      if (size === "refused") refused += 1;
      else measured.push({ ...one, size });
    }
    onProgress("lengths", measured.length + refused, drawn.length);
  }
  return { keys, nameBytes, drawn: measured, refused };
}

/** Reads the values of keys, in groups of a few MiB. */
export async function* readSample(
  client: RestClient,
  keys: readonly string[],
  { rate, maxValue }: { readonly rate: number; readonly maxValue: number },
): AsyncGenerator<Found[], void, undefined> {
  const pace = new Pace(rate);
  for (let at = 0; at < keys.length; at += VALUES) {
    const some = keys.slice(at, at + VALUES);
    await pace.take(some.length);
    yield* readValues(client, some, maxValue);
  }
}

/** The shares of types among keys that hold no string: by the first of them, which came by hash. */
export async function readTypes(
  client: RestClient,
  keys: readonly string[],
  { rate }: { readonly rate: number },
): Promise<ReadonlyMap<string, number>> {
  const some = keys.slice(0, TYPES);
  await new Pace(rate).take(some.length);
  const shares = new Map<string, number>();
  for (const type of await readTypeNames(client, some))
    // What is gone by now is of no type.
    if (type !== "none") shares.set(type, (shares.get(type) ?? 0) + 1 / some.length);
  return shares;
}
