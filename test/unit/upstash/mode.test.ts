/** The mode that a variable of the environment names. */
import { expect, test } from "vitest";
import { Redis, readMode as fromRedis } from "../../../src/redis.ts";
import { compressionMiddleware, readMode } from "../../../src/upstash/index.ts";

test.each([
  [undefined, "on"],
  ["", "on"],
  ["  ", "on"],
  ["on", "on"],
  ["ON\n", "on"],
  ["shadow", "shadow"],
  ["read-only", "read-only"],
  ["READ_ONLY", "read-only"],
  ["readonly", "read-only"],
  ["off", "read-only"],
  ["Passthrough", "passthrough"],
])("%j is %s", (text, mode) => {
  expect(readMode(text)).toBe(mode);
  expect(fromRedis(text)).toBe(mode);
  compressionMiddleware({ mode: readMode(text) });
});

test.each(["0", "true", "none", "constructor", "on,off"])(
  "%j is refused, and the words are named",
  (text) => {
    expect(() => readMode(text)).toThrow(RangeError);
    expect(() => readMode(text)).toThrow(/on, read-only, shadow, passthrough, or off/);
  },
);

test.each([null, 1, true, {}])("%o is a TypeError", (wrong) => {
  expect(() => readMode(wrong as never)).toThrow(TypeError);
});

test.each(["off", "readonly"])(
  "as a mode %j is refused, and the message says what to write for it",
  (mode) => {
    const says =
      /^"mode" must be one of on, read-only, shadow, passthrough, got "\w+": "read-only" writes .*readMode/;
    const config = { url: "https://db.example", token: "t", compression: { mode: mode as never } };
    for (const make of [() => new Redis(config), () => compressionMiddleware({ mode: mode as never })]) {
      expect(make).toThrow(RangeError);
      expect(make).toThrow(says);
    }
  },
);
