/** Values that name themselves, so that a torn or a mixed one is recognised by any part of it. */
import { createRandom, type Random } from "../random.ts";

/** "lines": every 32 bytes say version and place, half of it random; "noise": a header, then random bytes. */
export type ValueShape = "lines" | "noise";

/** What makes a value, and what is found out of it again. */
export interface ValueIdentity {
  readonly name: string;
  readonly version: number;
  readonly shape: ValueShape;
  /** Bytes. */
  readonly size: number;
}

/** Bytes of one line. */
export const LINE = 32;
const HEADER = 64;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The bytes of a value; the same identity gives the same bytes. At least 64. */
export function makeValue(identity: ValueIdentity): Uint8Array {
  const { version, shape, size } = identity;
  const header = encoder.encode(headerOf(identity));
  const random = createRandom(seedOf(identity));
  const bytes = shape === "noise" ? noise(random, size) : new Uint8Array(size);
  if (shape === "lines") {
    for (let at = HEADER, index = HEADER / LINE; at < size; at += LINE, index++) {
      const line = encoder.encode(lineOf(version, index, random.uint32()));
      bytes.set(line.subarray(0, size - at), at);
    }
  }
  bytes.set(header.subarray(0, size));
  return bytes;
}

/** Says which value this is: the whole of it, byte for byte; undefined for anything else. */
export function identify(bytes: Uint8Array): ValueIdentity | undefined {
  const head = decoder.decode(bytes.subarray(0, HEADER));
  const match = /^zv (\S+) (\d+) (lines|noise) (\d+) *\n$/.exec(head);
  if (match === null) return undefined;
  const [, name = "", version, shape, size] = match;
  const identity = { name, version: Number(version), shape: shape as ValueShape, size: Number(size) };
  if (identity.size !== bytes.length) return undefined;
  return Buffer.compare(makeValue(identity), bytes) === 0 ? identity : undefined;
}

/**
 * The version that all lines of a part of a "lines" value say, which begins at `start`; undefined where they differ, or
 * stand at another place. `start` is a multiple of 32, not before 64.
 */
export function identifyLines(bytes: Uint8Array, start: number): number | undefined {
  const text = decoder.decode(bytes);
  let version: number | undefined;
  for (let at = 0; at + LINE <= text.length; at += LINE) {
    const match = /^v(\d{6}) i(\d{8}) [0-9a-f]{8}#{5}\n$/.exec(text.slice(at, at + LINE));
    if (match === null || Number(match[2]) !== (start + at) / LINE) return undefined;
    version ??= Number(match[1]);
    if (version !== Number(match[1])) return undefined;
  }
  return version;
}

function headerOf({ name, version, shape, size }: ValueIdentity): string {
  return `${`zv ${name} ${version} ${shape} ${size}`.padEnd(HEADER - 1)}\n`;
}

function lineOf(version: number, index: number, number: number): string {
  const hex = number.toString(16).padStart(8, "0");
  return `v${`${version}`.padStart(6, "0")} i${`${index}`.padStart(8, "0")} ${hex}#####\n`;
}

function noise(random: Random, size: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(size / 4));
  for (let at = 0; at < words.length; at++) words[at] = random.uint32();
  return new Uint8Array(words.buffer, 0, size);
}

function seedOf({ name, version, size }: ValueIdentity): number {
  let hash = (version * 0x9e3779b1 + size) >>> 0;
  for (const byte of encoder.encode(name)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}
