/** Data for the cases, made in code: every byte a function of its seed, on every runtime. */

/** A generator of integers in [0, 2^32): xorshift with a multiplier over a counter (splitmix32). */
export function randomOf(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = state ^ (state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  };
}

/** Incompressible bytes. */
export function randomBytes(seed: number, length: number): Uint8Array {
  const random = randomOf(seed);
  return Uint8Array.from({ length }, () => random() & 255);
}

const words = ["order", "basket", "émigré", "price", "total", "été", "shipped", "日本", "pending", "x"];

/** JSON records as an application keeps them, cut to exactly that many bytes. */
export function jsonBytes(seed: number, length: number): Uint8Array {
  const random = randomOf(seed);
  const pick = (): string => words[random() % words.length]!;
  return fill(length, (at) =>
    JSON.stringify({ id: at, [pick()]: random() % 1000, state: pick(), tags: [pick(), pick()] }),
  );
}

/** Characters of one to four bytes from every plane that has any; no surrogates. Cut, so it may end inside one. */
export function planesBytes(seed: number, length: number): Uint8Array {
  return fill(length, () => planesText(seed++, 64));
}

/** Text over all seventeen planes: as many characters, of one to four bytes each. */
export function planesText(seed: number, characters: number): string {
  const random = randomOf(seed);
  let text = "";
  for (let at = 0; at < characters; at++) {
    const plane = random() % 17;
    const width = random() % 4;
    const point =
      width === 0
        ? random() % 0x80
        : width === 1
          ? 0x80 + (random() % 0x780)
          : width === 2
            ? 0x800 + (random() % 0xd000)
            : plane * 0x10000 + (random() % 0xffff);
    text += String.fromCodePoint(point >= 0xd800 && point < 0xe000 ? 0xfffd : point);
  }
  return text;
}

/** Runs of noise and of repetition: literals, matches and repeated offsets in one block. */
export function mixedBytes(seed: number, length: number): Uint8Array {
  const random = randomOf(seed);
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const run = Math.min(length - at, 1 + (random() % 300));
    const from = random() % (at + 1);
    if (random() % 3 === 0 && from + run <= at) bytes.copyWithin(at, from, from + run);
    else for (let i = 0; i < run; i++) bytes[at + i] = random() & (random() % 4 === 0 ? 255 : 15);
    at += run;
  }
  return bytes;
}

/** The kinds of content that the cases run over. */
export const kinds: readonly (readonly [name: string, make: (seed: number, length: number) => Uint8Array])[] =
  [
    ["JSON", jsonBytes],
    ["zeros", (_seed, length) => new Uint8Array(length)],
    ["random", randomBytes],
    ["all planes", planesBytes],
    ["mixed", mixedBytes],
  ];

function fill(length: number, part: (at: number) => string): Uint8Array {
  const bytes = new Uint8Array(length);
  const encoder = new TextEncoder();
  for (let at = 0, count = 0; at < length; count++) {
    const piece = encoder.encode(part(count)).subarray(0, length - at);
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

export function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/** Puts arrays, and lists of them, behind one another. */
export function concat(...parts: readonly (Uint8Array | readonly Uint8Array[])[]): Uint8Array {
  const all = parts.flat() as Uint8Array[];
  const bytes = new Uint8Array(all.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of all) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** A copy with one bit turned over; bits are numbered from the lowest of the first byte. */
export function flipBit(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = bytes.slice();
  copy[bit >> 3]! ^= 1 << (bit & 7);
  return copy;
}

/** A copy inside a larger array, so that its `byteOffset` is not 0 and its buffer is not its own. */
export function withOffset(bytes: Uint8Array, offset: number): Uint8Array {
  const host = new Uint8Array(offset + bytes.length + 5).fill(0xa5);
  host.set(bytes, offset);
  return host.subarray(offset, offset + bytes.length);
}
