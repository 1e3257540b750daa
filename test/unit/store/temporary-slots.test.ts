/** Temporary keys lie in the slots of their keys, and nothing else passes for one. */
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import {
  isTemporaryKey,
  isUpload,
  PROOF_SIZE,
  temporaryKey,
  UPLOAD_MARK,
} from "../../../src/store/temporary-key.ts";
import { createRandom } from "../../support/random.ts";

/** Slots as the specification of Redis Cluster computes them, bit by bit. */
function slotOf(key: string): number {
  const open = key.indexOf("{");
  const close = open === -1 ? -1 : key.indexOf("}", open + 1);
  const hashed = close > open + 1 ? key.slice(open + 1, close) : key;
  let crc = 0;
  for (const byte of Buffer.from(hashed)) {
    for (let bit = 7; bit >= 0; bit--) {
      const carry = ((crc >> 15) & 1) ^ ((byte >> bit) & 1);
      crc = (crc << 1) & 0xffff;
      if (carry === 1) crc ^= 0x1021;
    }
  }
  return crc % 16384;
}

test("the specification's own example", () => {
  expect(slotOf("123456789")).toBe(0x31c3);
});

const random = createRandom(7);
const odd = [
  "",
  "{",
  "}",
  "{}",
  "{}x",
  "a{",
  "a}b{",
  "{a}",
  "x{a}y{b}",
  "{{a}}",
  "日本",
  "\u{1f642}{",
  "\ud800",
  "a b\n",
];
const drawn = Array.from({ length: 300 }, () =>
  Array.from({ length: random.below(30) }, () => "{}ab:é日*"[random.below(8)]!).join(""),
);

test("a temporary key lies in its key's slot and keeps its form", () => {
  for (const key of [...odd, ...drawn]) {
    const name = temporaryKey(key);
    expect(slotOf(name), key).toBe(slotOf(key));
    expect(name.startsWith(`${key}:zstash:`)).toBe(true);
    expect(name).toMatch(/:zstash:[0-9a-f]{32}$/);
    expect(isTemporaryKey(name)).toBe(true);
  }
});

test("no name that another program makes is one", () => {
  const digest = (name: string, text: string): string => createHash(name).update(text).digest("hex");
  for (let round = 0; round < 100_000; round++) {
    const text = `https://example.com/${round}`;
    const hex = round % 2 === 0 ? digest("md5", text) : digest("sha256", text).slice(0, 32);
    if (isTemporaryKey(`pages:zstash:${hex}`)) expect.fail(hex);
  }
  for (const [index, key] of drawn.entries()) {
    const name = temporaryKey(key);
    // Another key's, or a digit of it changed.
    if (isTemporaryKey(`x${name}`)) expect.fail(name);
    const at = name.length - 32 + (index % 28);
    const changed = name[at] === "0" ? "1" : "0";
    if (isTemporaryKey(name.slice(0, at) + changed + name.slice(at + 1))) expect.fail(name);
  }
});

test("what lies under such a name is an upload's only if an upload wrote it", () => {
  const bytes = (text: string): Uint8Array => Buffer.from(text);
  const mark = bytes(UPLOAD_MARK);
  expect(isUpload(mark, mark.length, 1000)).toBe(true);
  expect(isUpload(Buffer.concat([mark, new Uint8Array(36)]), 500_000, -1)).toBe(true);
  expect(isUpload(bytes(""), 0, 1000)).toBe(true);
  expect(isUpload(new Uint8Array(PROOF_SIZE), 100_000, -1)).toBe(true);
  for (const content of ["precious", "zstash", "(\u00b5/\u00fd", "\0\0\0", "{}", UPLOAD_MARK.slice(1)]) {
    expect(isUpload(Buffer.from(content, "latin1"), content.length, -1), content).toBe(false);
  }
  // Zeros that expire are not what a late piece leaves.
  expect(isUpload(new Uint8Array(PROOF_SIZE), 100_000, 1000)).toBe(false);
  expect(isUpload(new Uint8Array(PROOF_SIZE), PROOF_SIZE, -1)).toBe(false);
});
