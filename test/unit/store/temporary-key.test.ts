/** Names of temporary keys. */
import { expect, test } from "vitest";
import {
  ABANDONED_BELOW,
  isTemporaryKey,
  RENEWAL_INTERVAL,
  TEMPORARY_PATTERN,
  TEMPORARY_TTL,
  temporaryKey,
} from "../../../src/store/temporary-key.ts";

const names = ["key", "", "a:zstash:b", "日本", "with space\nand line", "*[?"];

test("a temporary key begins with its own key, and no two are alike", () => {
  for (const name of names) {
    const key = temporaryKey(name);
    expect(key).toMatch(/:zstash:[0-9a-f]{32}$/);
    expect(key.startsWith(`${name}:zstash:`)).toBe(true);
    expect(isTemporaryKey(key)).toBe(true);
    expect(isTemporaryKey(name)).toBe(false);
    expect(temporaryKey(name)).not.toBe(key);
  }
});

test("what only looks like one is none", () => {
  const hex = "0123456789abcdef".repeat(2);
  for (const key of [
    `k:zstash:${hex}0`,
    `k:zstash:${hex.slice(1)}`,
    `k:zstash:${hex.toUpperCase()}`,
    `k:zstash:${hex}\n`,
    `k:zstash${hex}`,
    `zstash:${hex}`,
  ]) {
    expect(isTemporaryKey(key)).toBe(false);
  }
});

test("the pattern for a scan is the same as a glob", () => {
  expect(TEMPORARY_PATTERN).toBe(`*:zstash:${"[0-9a-f]".repeat(32)}`);
});

test("a running upload never looks abandoned, even when one renewal was late", () => {
  expect(RENEWAL_INTERVAL * 2).toBeLessThan(TEMPORARY_TTL);
  expect(ABANDONED_BELOW).toBe(TEMPORARY_TTL - 2 * RENEWAL_INTERVAL);
  expect(ABANDONED_BELOW).toBeGreaterThan(0);
});
