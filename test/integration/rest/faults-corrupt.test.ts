/** Raw frames that are damaged where they lie: an error or a miss, never another value. Written by a real connection. */
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { Redis } from "@upstash/redis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadZstd, type Zstd } from "../../../src/codec/zstd.ts";
import { createDevServer, type DevServer } from "../../../src/dev/index.ts";
import { ZstashError } from "../../../src/errors.ts";
import { readDictionary } from "../../../src/index.ts";
import { writeCommand } from "../../../src/rest/resp-writer.ts";
import { RespParser, type RespValue } from "../../../src/rest/resp.ts";
import { Redis as CompressingRedis } from "../../../src/redis.ts";
import { zstashCode, type CompressionOptions } from "../../../src/upstash/index.ts";
import { leaks, loggedText } from "../../support/faults/judge.ts";
import { CANARY, large, small, TOKEN } from "../../support/faults/operations.ts";
import { seededRandom } from "../../support/random.ts";
import { redisAvailable, useRedis } from "../../support/redis.ts";
import { rejection } from "../../support/rejection.ts";

const long = process.env["ZSTASH_LONG"] === "1";
const good: unknown = JSON.parse(large);
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const damageCodes = /^(NOT_ZSTD|TRUNCATED|CORRUPT|CHECKSUM_MISMATCH|NOT_TEXT|DICTIONARY_INVALID)$/;

describe.runIf(redisAvailable())("raw frames in Redis", () => {
  const redisServer = useRedis();
  let server: DevServer;
  let url = "";
  let zstd: Zstd;
  let frame = new Uint8Array(0);
  let socket: Socket;
  const waiting: ((reply: RespValue) => void)[] = [];

  beforeAll(async () => {
    zstd = await loadZstd();
    frame = new Uint8Array(zstd.compress(large));
    server = await createDevServer({ redis: redisServer().url, token: TOKEN });
    ({ url } = await server.listen());
    const parser = new RespParser();
    socket = connect(redisServer().port, redisServer().host);
    socket.on("data", (chunk) => {
      for (const reply of parser.push(chunk)) waiting.shift()!(reply);
    });
  });
  afterAll(async () => {
    socket?.destroy();
    await server?.close();
  });

  /** A command over a connection that knows nothing of REST. */
  const direct = (...args: (Uint8Array | string)[]): Promise<RespValue> =>
    new Promise((resolve) => {
      waiting.push(resolve);
      socket.write(writeCommand(args));
    });

  function client(options: CompressionOptions = {}, autoPipelining = false): Redis {
    return new CompressingRedis({
      url,
      token: TOKEN,
      enableTelemetry: false,
      enableAutoPipelining: autoPipelining,
      compression: { zstd, ...options },
    });
  }

  /** Damage behind the magic, by which a frame is known. */
  function damagedFrames(): (readonly [string, Uint8Array])[] {
    const flip = (at: number, bit = 1): Uint8Array => {
      const copy = frame.slice();
      copy[at]! ^= bit;
      return copy;
    };
    return [
      ["its descriptor", flip(4, 0x08)],
      ["its size", flip(5, 0xff)],
      ["its first block", flip(9, 0x40)],
      ["its middle", flip(frame.length >> 1, 0xff)],
      ["its checksum", flip(frame.length - 1)],
      ["its end missing", frame.slice(0, -1)],
      ["half of it missing", frame.slice(0, frame.length >> 1)],
      ["all but its magic missing", frame.slice(0, 4)],
      ["a byte behind it", Uint8Array.of(...frame, 0)],
      ["half a frame behind it", Uint8Array.of(...frame, ...frame.slice(0, 20))],
      [
        "the magic, and text of another program",
        Uint8Array.of(...frame.slice(0, 4), ...utf8(`${CANARY} of others`)),
      ],
      [
        "the magic, and bytes of another program",
        Uint8Array.of(...frame.slice(0, 4), ...new Uint8Array(50).fill(0xff)),
      ],
      ["bytes in it that are no text", zstd.compress(Uint8Array.of(...utf8(CANARY), 0xff))],
    ];
  }

  test("are what the client writes, and read back", async () => {
    await client().set("good", good);
    const stored = await direct("GET", "good");
    expect((stored as { bytes: Uint8Array }).bytes.slice(0, 4)).toEqual(
      Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd),
    );
    expect(await client().get("good")).toEqual(good);
  });

  test("alone: the ZstashError with the key, in the client's form where it pipelines by itself", async () => {
    for (const [what, bytes] of damagedFrames()) {
      await direct("SET", "bad", bytes);
      const error = (await rejection(client().get("bad"))) as ZstashError;
      expect([what, error.name]).toEqual([what, "ZstashError"]);
      expect(error.code).toMatch(damageCodes);
      expect(error.key).toBe("bad");
      expect(zstashCode(error)).toBe(error.code);
      const piped = await rejection(client({}, true).get("bad"));
      expect(piped.name).toBe("UpstashError");
      expect(zstashCode(piped)).toBe(error.code);
      expect(leaks(loggedText(error) + loggedText(piped))).toEqual([]);
    }
  });

  test("in a batch: each fails its own command and no other", async () => {
    await direct("SET", "good", frame);
    for (const [what, bytes] of damagedFrames()) {
      await direct("SET", "bad", bytes);
      await direct("HSET", "bad:h", "f", bytes, "g", frame);
      const redis = client();
      for (const batch of [redis.pipeline(), redis.multi()]) {
        const replies = await batch
          .get("good")
          .get("bad")
          .mget("good", "bad")
          .hgetall("bad:h")
          .hget("bad:h", "g")
          .getdel("none")
          .exec<[string, ...unknown[]]>({ keepErrors: true });
        const code = expect.stringMatching(damageCodes) as string;
        expect([what, replies.map(({ error }) => zstashCode(error))]).toEqual([
          what,
          [undefined, code, code, code, undefined, undefined],
        ]);
        expect([replies[0]!.result, replies[4]!.result]).toEqual([good, good]);
        expect(leaks(JSON.stringify(replies.map(({ error }) => error)))).toEqual([]);
      }
      const settled = await Promise.allSettled([
        redis.get("good"),
        redis.get("bad"),
        client({}, true).get("good"),
      ]);
      expect(settled.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
      const both = (await rejection(redis.mget("bad", "good", "bad:none"))) as ZstashError;
      expect(both.keys).toEqual(["bad"]);
      await direct("DEL", "bad:h");
    }
  });

  test('under onCorrupt "miss": as if there were none, in every shape of reply', async () => {
    await direct("SET", "good", frame);
    for (const [what, bytes] of damagedFrames()) {
      await direct("SET", "bad", bytes);
      await direct("HSET", "bad:h", "f", bytes, "g", frame);
      for (const autoPipelining of [false, true]) {
        const redis = client({ onCorrupt: "miss" }, autoPipelining);
        expect([
          what,
          await redis.get("bad"),
          await redis.mget("good", "bad"),
          await redis.hgetall("bad:h"),
          await redis.hmget("bad:h", "f", "g"),
          await redis.hvals("bad:h"),
          await redis.pipeline().get("bad").get("good").exec(),
        ]).toEqual([what, null, [good, null], { g: good }, { f: null, g: good }, [good], [null, good]]);
      }
      await direct("DEL", "bad:h");
    }
  });

  test("an unknown dictionary is an error under both, and read by who has it", async () => {
    const dictionary = readDictionary(
      readFileSync(new URL("../../vectors/dictionaries/sessions-1001.dict", import.meta.url)),
    );
    const knowing = await loadZstd({ dictionaries: [dictionary] });
    await direct("SET", "known", knowing.compress(large, { dictionary }));
    await direct("SET", "good", frame);
    for (const onCorrupt of ["throw", "miss"] as const) {
      const error = (await rejection(client({ onCorrupt }).get("known"))) as ZstashError;
      expect(error).toMatchObject({ code: "DICTIONARY_UNKNOWN", key: "known", dictionaryId: 1001 });
      expect(zstashCode(await rejection(client({ onCorrupt }, true).get("known")))).toBe(
        "DICTIONARY_UNKNOWN",
      );
      const replies = await client({ onCorrupt })
        .pipeline()
        .get("known")
        .get("good")
        .exec<[string, unknown]>({ keepErrors: true });
      expect(replies.map(({ error: failed }) => zstashCode(failed))).toEqual([
        "DICTIONARY_UNKNOWN",
        undefined,
      ]);
    }
    expect(await client({ zstd: knowing }).get("known")).toEqual(good);
  });

  test("above maxSize they are SIZE_LIMIT under both", async () => {
    await direct("SET", "good", frame);
    for (const onCorrupt of ["throw", "miss"] as const) {
      expect(zstashCode(await rejection(client({ onCorrupt, maxSize: 100 }).get("good")))).toBe("SIZE_LIMIT");
    }
  });

  test("bytes of others that do not begin with the magic are text, as without zstash", async () => {
    const plain = new Redis({ url, token: TOKEN, enableTelemetry: false, enableAutoPipelining: false });
    for (const bytes of [
      Uint8Array.of(0xff, 0xfe, 0, 1),
      Uint8Array.of(0x1f, 0x8b, 8, 0),
      Uint8Array.of(0x28, 0xb5, 0x2f),
      Uint8Array.of(0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4),
      Uint8Array.of(0x89, 0x50, 0x4e, 0x47),
      utf8(small),
      new Uint8Array(0),
    ]) {
      await direct("SET", "foreign", bytes);
      expect(await client().get("foreign")).toEqual(await plain.get("foreign"));
      expect(await client().mget("foreign", "none")).toEqual(await plain.mget("foreign", "none"));
    }
  });

  test("in any place behind the magic damage never gives another value", async () => {
    const random = seededRandom(81);
    const redis = client();
    for (let round = 0; round < (long ? 3000 : 200); round++) {
      const at = 4 + random.below(frame.length - 4);
      const damaged = random.pick([
        () => {
          const copy = frame.slice();
          copy[at]! ^= 1 << random.below(8);
          return copy;
        },
        () => frame.slice(0, at),
        () => Uint8Array.of(...frame, ...frame.slice(4, at)),
        () => Uint8Array.of(...frame.slice(0, at), ...frame.slice(at + 1)),
        () => Uint8Array.of(...frame.slice(0, at), random.below(256), ...frame.slice(at)),
      ])();
      if (Buffer.compare(damaged, frame) === 0) continue;
      await direct("SET", "damaged", damaged);
      let result: unknown;
      try {
        result = await redis.get("damaged");
      } catch (error) {
        expect(error).toBeInstanceOf(ZstashError);
        expect(leaks(loggedText(error))).toEqual([]);
        continue;
      }
      // A bit that no decoder looks at changes nothing.
      expect(result).toEqual(good);
    }
  });

  test("a read that deletes has deleted, and says what it has found", async () => {
    const [, bytes] = damagedFrames()[3]!;
    await direct("SET", "bad", bytes);
    expect(zstashCode(await rejection(client().getdel("bad")))).toMatch(damageCodes);
    expect(await client().exists("bad")).toBe(0);
  });
});
