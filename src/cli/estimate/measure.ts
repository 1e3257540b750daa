/**
 * Measures what a migration would do with single values: their sizes in each carrier, the processor time, and why
 * some stay.
 */
import type { Zstd } from "../../codec/zstd.ts";
import { ZstashError } from "../../errors.ts";
import type { Dictionary } from "../../format/dictionary.ts";
import { now } from "../../timers.ts";
import type { Policy } from "../../value/policy.ts";
import { markedScheme, type Scheme } from "../migrate/schemes.ts";
import { planValue, type Left, type Plan, type PlanSettings, type KeyedValue } from "../migrate/plan.ts";

/** Sizes of one value in bytes: now, and as `zstash migrate` would leave it. */
export interface Sizes {
  readonly now: number;
  readonly text: number;
  readonly raw: number;
}

/** What a migration would do with a value. */
export interface ValueMeasure extends Sizes {
  /** Why it stays as it is in the text carrier, if it does. */
  readonly left: Left | "unreadable" | undefined;
  /** The other scheme by which it is compressed, if its first bytes show one. */
  readonly scheme: Scheme | undefined;
  /** Milliseconds to compress it for the text carrier, and to decompress it. */
  readonly compressMs: number;
  readonly decompressMs: number;
}

export interface MeasureSettings {
  readonly binary: boolean;
  readonly policy: Policy;
  readonly maxValue: number;
}

/** Milliseconds and rounds of the warm-up, at most: code is fast after some 100 calls. */
const WARM_UP_MS = 100;
const WARM_UP_ROUNDS = 200;

/** Runs the codec on made-up values, so that times of the first values are not those of code that runs for the first time. */
export function warmUp(zstd: Zstd, settings: MeasureSettings): void {
  const [start, rows] = [
    now(),
    Array.from({ length: 200 }, (_, id) => `{"id":${id},"name":"user ${id * 7919}"}`),
  ];
  const text = new TextEncoder().encode(rows.join(","));
  for (let round = 0; round < WARM_UP_ROUNDS && now() - start < WARM_UP_MS; round++)
    measureValue({ key: "warm-up", bytes: text.subarray(0, 2048 + 25 * round) }, zstd, settings);
}

/** Measures one value. */
export function measureValue(value: KeyedValue, zstd: Zstd, settings: MeasureSettings): ValueMeasure {
  const size = value.bytes.length;
  const start = now();
  const text = planOf(value, zstd, settingsFor(settings, undefined));
  const compressMs = now() - start;
  const raw = planOf(value, zstd, settingsFor(settings, "raw"));
  let decompressMs = 0;
  if (raw?.what === "compressed") {
    const from = now();
    zstd.decompress(raw.write, { maxSize: settings.maxValue });
    decompressMs = now() - from;
  }
  return {
    now: size,
    text: text?.write?.length ?? size,
    raw: raw?.write?.length ?? size,
    left: text === undefined ? "unreadable" : text.left,
    scheme: markedScheme(value.bytes),
    compressMs,
    decompressMs,
  };
}

/** The size of a value in the raw carrier with a dictionary, in bytes. */
export function measureWith(
  value: KeyedValue,
  zstd: Zstd,
  dictionary: Dictionary,
  settings: MeasureSettings,
): number {
  const plan = planOf(value, zstd, { ...settingsFor(settings, "raw"), dictionaries: "with" }, dictionary);
  return plan?.write?.length ?? value.bytes.length;
}

function settingsFor(settings: MeasureSettings, carrier: PlanSettings["carrier"]): PlanSettings {
  return { ...settings, undo: false, carrier, dictionaries: undefined, schemes: new Set() };
}

/** The plan; undefined for a frame that cannot be read. */
function planOf(
  value: KeyedValue,
  zstd: Zstd,
  settings: PlanSettings,
  dictionary?: Dictionary,
): Plan | undefined {
  try {
    return planValue(value, settings, { zstd, lookup: new Map(), choose: () => dictionary });
  } catch (error) {
    if (!(error instanceof ZstashError)) throw error;
    return undefined;
  }
}
