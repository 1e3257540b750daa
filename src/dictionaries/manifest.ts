/**
 * The manifest in Redis: which patterns of keys are written with which dictionary, and the kill switch. Without I/O.
 */
import { ZstashError } from "../errors.ts";
import { utf8Encoder, utf8Length } from "../text.ts";
import { matchesGlob } from "./glob.ts";
import { asBytes, hashOf, ID_MAX, ID_MIN, MANIFEST_KEY } from "./stored.ts";

/**
 * What writers do, whatever their own mode. "off": they compress values without a dictionary. "read-only": they
 * compress nothing. Readers decode in any mode.
 */
export type ManifestMode = "on" | "off" | "read-only";

/** A new dictionary that is used for a share of the keys, to see how well it works. */
export interface Canary {
  /** The id by which values name it. */
  readonly id: number;
  /** The share of the keys, by their hash, 0…1. */
  readonly share: number;
}

/** A dictionary that writers no longer use. */
export interface Retired {
  /** The id by which values name it. */
  readonly id: number;
  /** When it was retired, in seconds since 1970. */
  readonly at: number;
}

/** The dictionaries of the keys that match a pattern. */
export interface PatternRule {
  /** A pattern of Redis, as KEYS and SCAN take it. */
  readonly pattern: string;
  /** The id of the dictionary for these keys; absent for none. */
  readonly current?: number | undefined;
  /** The new dictionary that is tried on a share of these keys; absent if none is. */
  readonly canary?: Canary | undefined;
  /**
   * The dictionaries that were used for these keys before, in the order in which they were retired. Readers still need
   * them.
   */
  readonly retired: readonly Retired[];
}

/** The manifest. Members that this version does not know are kept when it is written again. */
export interface Manifest {
  /** The number of changes so far. */
  readonly version: number;
  /** The kill switch, which `setMode` sets; "on" if nobody has set it. */
  readonly mode: ManifestMode;
  /** The first rule whose pattern matches a key decides. */
  readonly patterns: readonly PatternRule[];
}

/** The limits of a manifest: one that exceeds a limit is refused as a whole. */
export const MANIFEST_SIZE_MAX: number = 64 << 10;
const PATTERNS_MAX = 256;
export const PATTERN_LENGTH_MAX = 1024;
const RETIRED_MAX = 256;

/** The manifest that applies if there is none in Redis. */
export const emptyManifest: Manifest = { version: 0, mode: "on", patterns: [] };

/**
 * Parses a manifest; the empty text means that there is none.
 *
 * @throws {ZstashError} CORRUPT; the message names the place, never its value
 */
export function parseManifest(text: string): Manifest {
  if (text === "") return emptyManifest;
  if (text.length > MANIFEST_SIZE_MAX) throw corrupt(`it is longer than ${MANIFEST_SIZE_MAX} bytes`);
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch {
    throw corrupt("it is not JSON");
  }
  const manifest = readObject("the manifest", raw);
  const { version, mode = "on", patterns = [] } = manifest;
  if (!isInteger(version, 1, Number.MAX_SAFE_INTEGER)) throw corrupt("version is no number of changes");
  if (mode !== "on" && mode !== "off" && mode !== "read-only") throw corrupt("mode is none of its three");
  if (!Array.isArray(patterns) || patterns.length > PATTERNS_MAX)
    throw corrupt(`patterns is no list of at most ${PATTERNS_MAX}`);
  const rules = patterns.map(readRule);
  if (new Set(rules.map(({ pattern }) => pattern)).size < rules.length)
    throw corrupt("a pattern is there twice");
  return { ...manifest, version, mode, patterns: rules };
}

/**
 * Writes a manifest as text.
 *
 * @throws {ZstashError} CORRUPT for a manifest that `parseManifest` would refuse
 */
export function writeManifest(manifest: Manifest): string {
  const text = JSON.stringify(manifest);
  if (utf8Length(text) > MANIFEST_SIZE_MAX) throw corrupt(`it is longer than ${MANIFEST_SIZE_MAX} bytes`);
  parseManifest(text);
  return text;
}

/** The id of the dictionary with which a key is written; undefined for none. */
export function chooseId({ mode, patterns }: Manifest, key: string): number | undefined {
  if (mode !== "on" || patterns.length === 0) return undefined;
  const bytes = asBytes(key);
  const rule = patterns.find(({ pattern }) => matchesGlob(asBytes(pattern), bytes));
  const { canary, current } = rule ?? {};
  return canary !== undefined && shareOf(key) < canary.share ? canary.id : current;
}

/** The position of a key among all keys, 0…1, by its hash: the keys of a share of 0.1 are among those of 0.2. */
function shareOf(key: string): number {
  // FNV-1a's upper bits hardly depend on the last bytes, so they are mixed as in MurmurHash3.
  let hash = hashOf(utf8Encoder.encode(key));
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}

/** Every id that a rule names. */
export function idsOfRule({ current, canary, retired }: PatternRule): number[] {
  return [current, canary?.id, ...retired.map(({ id }) => id)].filter((id) => id !== undefined);
}

/** Every id that a manifest names, each once. */
export function idsOf({ patterns }: Manifest): ReadonlySet<number> {
  return new Set(patterns.flatMap(idsOfRule));
}

function readRule(raw: unknown, index: number): PatternRule {
  const place = `patterns[${index}]`;
  const rule = readObject(place, raw);
  const { pattern, current, canary, retired = [] } = rule;
  if (typeof pattern !== "string" || pattern === "" || pattern.length > PATTERN_LENGTH_MAX)
    throw corrupt(`${place}.pattern is no pattern`);
  if (current !== undefined) requireId(`${place}.current`, current);
  if (!Array.isArray(retired) || retired.length > RETIRED_MAX)
    throw corrupt(`${place}.retired is no list of at most ${RETIRED_MAX}`);
  return {
    ...rule,
    pattern,
    current,
    canary: canary === undefined ? undefined : readCanary(`${place}.canary`, canary),
    retired: retired.map((one, at) => readRetired(`${place}.retired[${at}]`, one)),
  };
}

function readCanary(place: string, raw: unknown): Canary {
  const canary = readObject(place, raw);
  const { id, share } = canary;
  requireId(`${place}.id`, id);
  if (typeof share !== "number" || !(share >= 0 && share <= 1)) throw corrupt(`${place}.share is none`);
  return { ...canary, id, share };
}

function readRetired(place: string, raw: unknown): Retired {
  const retired = readObject(place, raw);
  const { id, at } = retired;
  requireId(`${place}.id`, id);
  if (!isInteger(at, 0, Number.MAX_SAFE_INTEGER)) throw corrupt(`${place}.at is no time`);
  return { ...retired, id, at };
}

function readObject(place: string, raw: unknown): Readonly<Record<string, unknown>> {
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) throw corrupt(`${place} is no object`);
  return raw as Readonly<Record<string, unknown>>;
}

function requireId(place: string, id: unknown): asserts id is number {
  if (!isInteger(id, ID_MIN, ID_MAX)) throw corrupt(`${place} is no id from ${ID_MIN} to ${ID_MAX}`);
}

function isInteger(value: unknown, least: number, most: number): value is number {
  return Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
}

function corrupt(reason: string): ZstashError {
  return new ZstashError("CORRUPT", `Cannot use the manifest of dictionaries: ${reason}`, {
    key: MANIFEST_KEY,
  });
}
