import type { Redis } from "@upstash/redis";
import { beforeAll, describe, expect, test } from "vitest";
import { loadZstd, type Zstd } from "../../../src/codec/zstd.ts";
import type { CompressionMode } from "../../../src/upstash/index.ts";
import { isReserved, startsWithByteOrderMark, toTextCarrier } from "../../../src/value/carrier.ts";
import { seededRandom } from "../../support/random.ts";
import type { Random } from "../../support/random.ts";
import { backends } from "../../support/backends.ts";
import { useClients } from "./rig.ts";

const BOM = "\uFEFF";
const json = JSON.stringify(Array.from({ length: 60 }, (_, id) => ({ id, name: `name ${id}` })));
const modes: readonly CompressionMode[] = ["on", "read-only", "shadow", "passthrough"];

let zstd: Zstd;
let parts: string[] = [];
let whole: unknown[] = [];
beforeAll(async () => {
  zstd = await loadZstd();
  const frame = toTextCarrier(zstd.compress(json));
  const nested = toTextCarrier(zstd.compress(frame));
  const text = "x".repeat(1100);
  const prefixes = [
    "zs1:",
    "KLUv/",
    "zs1:KLUv/",
    frame,
    nested,
    frame.slice(0, -4),
    frame.slice(4),
    BOM,
    "\uFFFD",
  ];
  const marks = [
    "(\uFFFD/\uFFFD",
    "(",
    "/",
    "\uD83D",
    "\uDE00",
    "\uD83D\uDE00",
    "\0",
    " ",
    "=",
    "-",
    '"',
    "{",
    "}",
  ];
  const words = [
    "0",
    "12",
    ".5",
    "e3",
    "[1]",
    "true",
    "null",
    "é",
    "\u2028",
    json,
    json.slice(0, 1500),
    text,
    "é".repeat(600),
  ];
  parts = prefixes.concat(marks, words);
  const likeNumbers = ["", "0", "-0", "123", "1e3", "1.0", "0123", "101600000000150081467"];
  const likeJson = ["true", "false", "null", '"x"', "[1]", "{}", "OK", `${BOM}{"a":1}`, BOM + json];
  const likeOurs = [frame, nested, `${frame}\n`, BOM + frame, BOM + BOM + frame, "(\uD800/\uDFFF"];
  const noStrings = [
    0,
    -1,
    1.5,
    1e21,
    true,
    false,
    null,
    {},
    [],
    [null],
    { a: [1, { b: "ü" }] },
    JSON.parse(json),
  ];
  whole = [likeNumbers, likeJson, likeOurs, noStrings].flat();
});

const draw = (random: Random): unknown =>
  random.below(4) === 0
    ? random.pick(whole)
    : Array.from({ length: random.below(5) + 1 }, () => random.pick(parts)).join("");

const wellFormed = (text: string): string => Buffer.from(text).toString();

/** What a read has to give, from what a plain client gives for the same value: it drops a byte order mark. */
function expected(value: unknown, plain: unknown, writer: CompressionMode): unknown {
  if (typeof value !== "string" || !startsWithByteOrderMark(value)) return plain;
  return writer === "on" || isReserved(value) ? wellFormed(value) : plain;
}

describe.each(backends)("every value through a client on %s", (backend) => {
  const clients = useClients(backend);

  test.each(modes)("comes back as a plain client's does, written in mode %s", async (mode) => {
    const random = seededRandom(51);
    const plain = clients.plain();
    const writer = clients.compressing({ mode });
    const readers = modes
      .filter((reading) => reading !== "passthrough")
      .map((reading) => clients.compressing({ mode: reading }));
    const passing = clients.compressing({ mode: "passthrough" });

    for (let round = 0; round < 30; round++) {
      const values = Array.from({ length: 12 }, () => draw(random));
      const keys = values.map((_, index) => `${mode}:${round}:${index}`);
      await Promise.all(keys.map((key, index) => plain.set(`plain:${key}`, values[index])));
      await Promise.all(keys.map((key, index) => writer.set(key, values[index])));
      const before = await plain.mget<unknown[]>(keys.map((key) => `plain:${key}`));
      const wanted = values.map((value, index) => expected(value, before[index], mode));
      for (const reader of readers) expect(await reader.mget(keys)).toEqual(wanted);
      // A reader that passes the stored text on sees exactly what a plain client sees.
      expect(await passing.mget(keys)).toEqual(await plain.mget(keys));

      const fields = Object.fromEntries(values.map((value, index) => [`f${index}`, value]));
      await writer.hset(`${mode}:${round}:h`, fields);
      await plain.hset(`plain:${mode}:${round}:h`, fields);
      const plainFields = await plain.hgetall<Record<string, unknown>>(`plain:${mode}:${round}:h`);
      const wantedFields = Object.fromEntries(
        values.map((value, index) => [`f${index}`, expected(value, plainFields![`f${index}`], mode)]),
      );
      for (const reader of readers) expect(await reader.hgetall(`${mode}:${round}:h`)).toEqual(wantedFields);
    }
  });

  test.each(["read-only", "shadow", "passthrough"] as const)(
    "mode %s changes nothing in Redis but what it must",
    async (mode) => {
      const random = seededRandom(52);
      const plain = clients.plain({ automaticDeserialization: false, responseEncoding: false });
      const writer = clients.compressing({ mode });
      for (let round = 0; round < 150; round++) {
        const value = draw(random);
        await Promise.all([writer.set(`same:${mode}`, value), plain.set(`same:plain`, value)]);
        const [written, wanted] = await plain.mget<string[]>(`same:${mode}`, `same:plain`);
        if (typeof value === "string" && isReserved(value)) {
          expect(zstd.decompressText(Buffer.from(written!.slice(4), "base64"))).toBe(wellFormed(value));
        } else {
          expect(written).toBe(wanted);
        }
      }
    },
  );

  test("random commands give what they give a plain client", async () => {
    const random = seededRandom(53);
    type Step = (redis: Redis, key: (name: string) => string) => Promise<unknown>;
    const step = (): Step => {
      const value = ((): unknown => {
        const drawn = draw(random);
        return typeof drawn === "string" && startsWithByteOrderMark(drawn) ? json : drawn;
      })();
      const [a, b] = [random.pick(["a", "b", "c"]), random.pick(["a", "b", "c"])];
      const field = random.pick(["f", "g", "zs1:KLUv/field"]);
      return random.pick<Step>([
        (redis, key) => redis.set(key(a), value),
        (redis, key) => redis.set(key(a), value, { nx: true }),
        (redis, key) => redis.set(key(a), value, { get: true, keepTtl: true }),
        (redis, key) => redis.getset(key(a), value),
        (redis, key) => redis.setex(key(a), 100, value),
        (redis, key) => redis.mset({ [key(a)]: value, [key(b)]: json }),
        (redis, key) => redis.msetnx({ [key(a)]: value, [key(b)]: json }),
        (redis, key) => redis.setnx(key(a), value),
        (redis, key) => redis.get(key(a)),
        (redis, key) => redis.getdel(key(a)),
        (redis, key) => redis.getex(key(a), { persist: true }),
        (redis, key) => redis.mget(key(a), key(b), key("none")),
        (redis, key) => redis.hset(key("h"), { [field]: value }),
        (redis, key) => redis.hsetnx(key("h"), field, value),
        (redis, key) => redis.hmset(key("h"), { [field]: value, x: json }),
        (redis, key) => redis.hget(key("h"), field),
        (redis, key) => redis.hmget(key("h"), field, "x", "none"),
        (redis, key) => redis.hgetall(key("h")),
        (redis, key) => redis.hvals(key("h")),
        (redis, key) => redis.hdel(key("h"), field),
        (redis, key) => redis.incr(key(a)),
        (redis, key) => redis.del(key(a)),
        (redis, key) => redis.hget(key(a), field),
        (redis, key) => redis.get(key("h")),
        (redis, key) => redis.copy(key(a), key(b), { replace: true }),
        (redis, key) =>
          redis.pipeline().get(key(a)).set(key(b), value).hget(key("h"), field).mget(key(a), key(b)).exec(),
        (redis, key) =>
          redis.multi().set(key(a), value, { get: true }).get(key(a)).hset(key("h"), { x: value }).exec(),
      ]);
    };
    const settle = (promise: Promise<unknown>): Promise<unknown> =>
      promise.catch((error: unknown) => ({ failed: String(error).replace(/, command was: .*/s, "") }));
    const pairs = [{}, { enableAutoPipelining: false }].map((options, index) => ({
      plain: clients.plain(options),
      wrapped: clients.compressing({ policy: { minSize: index === 0 ? 1024 : 0 } }, options),
      index,
    }));
    for (let round = 0; round < 600; round++) {
      const { plain, wrapped, index } = random.pick(pairs);
      const run = step();
      const [wanted, got] = await Promise.all([
        settle(run(plain, (name) => `p${index}:${name}`)),
        settle(run(wrapped, (name) => `w${index}:${name}`)),
      ]);
      const withoutKeys = JSON.stringify(wanted)?.replaceAll(`p${index}:`, `w${index}:`);
      expect(JSON.stringify(got), `round ${round}: ${run.toString()}`).toBe(withoutKeys);
    }
  });
});
