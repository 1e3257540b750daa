/** Lists whose policy says `lists`: what lies in them, who reads it, and which commands are refused. */
import type { Redis } from "@upstash/redis";
import { beforeEach, describe, expect, test } from "vitest";
import { loadZstd, readDictionary, readFrameHeader } from "../../../src/index.ts";
import {
  compressionMiddleware,
  decodeValue,
  encodeValue,
  zstashCode,
  ZstashError,
  type CommandReply,
  type CompressionOptions,
  type ZstashEvent,
} from "../../../src/upstash/index.ts";
import { fromTextCarrier, toTextCarrier } from "../../../src/value/carrier.ts";
import { backends } from "../../support/backends.ts";
import { NEWER, newer, sessionOf } from "../../support/dictionaries.ts";
import { rejection } from "../../support/rejection.ts";
import { useClients } from "./rig.ts";

const zstd = await loadZstd();
const page = (n: number): object => ({
  n,
  rows: Array.from({ length: 40 }, (_, id) => ({ id, title: `Row ${id}` })),
});
const lists: CompressionOptions = { policy: { lists: true } };

describe.each(backends)("on %s", (backend) => {
  const clients = useClients(backend);
  beforeEach(async () => {
    await clients.plain().flushall();
  });

  /** The stored elements of a list as bytes, read with no code of the package. */
  const stored = async (key: string): Promise<Buffer[]> => {
    const { url, token } = clients.endpoint();
    const response = await fetch(url, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "upstash-encoding": "base64" },
      body: JSON.stringify(["LRANGE", key, 0, -1]),
    });
    const { result } = (await response.json()) as { result: string[] };
    return result.map((one) => Buffer.from(one, "base64"));
  };
  const textOf = (bytes: Buffer): string =>
    zstd.decompressText(bytes[0] === 0x28 ? bytes : fromTextCarrier(bytes.toString()));

  describe.each(["raw", "compressing"] as const)("the %s client", (kind) => {
    let events: ZstashEvent[] = [];
    const client = (compression: CompressionOptions = lists): Redis =>
      clients[kind](
        { ...compression, onEvent: (event) => event.type !== "request" && events.push(event) },
        { enableAutoPipelining: false },
      );
    beforeEach(() => {
      events = [];
    });

    test("elements lie as values do: as bytes where one travels alone, else as text", async () => {
      const redis = client();
      expect(await redis.rpush<unknown>("l", page(0))).toBe(1);
      expect(await redis.rpush<unknown>("l", page(1), "small", page(2))).toBe(4);
      await redis.lset("l", 3, page(3));
      const found = await stored("l");
      const alone = kind === "raw" ? "(" : "z";
      expect(found.map((one) => String.fromCharCode(one[0]!)).join("")).toBe(`${alone}zs${alone}`);
      expect([0, 1, 3].map((at) => JSON.parse(textOf(found[at]!)) as unknown)).toEqual([0, 1, 3].map(page));
      expect(await redis.lrange("l", 0, -1)).toEqual([page(0), page(1), "small", page(3)]);
      const compressed = events.filter(({ type }) => type === "compressed");
      expect(compressed.map((event) => "command" in event && event.command)).toEqual([
        "RPUSH",
        "RPUSH",
        "RPUSH",
        "LSET",
      ]);
    });

    test.each(["on", "read-only", "shadow"] as const)(
      "a list of old and new reads right in mode %s",
      async (mode) => {
        await clients.plain().rpush<unknown>("l", page(0), "zs1:KLUv/… is no frame", 7);
        await clients.raw(lists).rpush<unknown>("l", page(1));
        await clients.compressing(lists).rpush<unknown>("l", page(2), "two");
        const redis = client({ ...lists, mode });
        const all = [page(0), "zs1:KLUv/… is no frame", 7, page(1), page(2), "two"];
        if (kind === "raw") {
          expect(await redis.lrange("l", 0, -1)).toEqual(all);
          expect(await redis.lindex("l", 3)).toEqual(page(1));
        } else {
          // What the SDK reads as text was a frame: that is said, as for GET.
          expect(zstashCode(await rejection(redis.lrange("l", 0, -1)))).toBe("UNSUPPORTED");
          expect(await redis.lrange("l", 0, 2)).toEqual(all.slice(0, 3));
          await redis.ltrim("l", 4, -1);
        }
        expect(await redis.lrange("l", -2, -1)).toEqual(all.slice(-2));
        await redis.rpush<unknown>("l", page(3));
        expect((await stored("l")).at(-1)![0] === 0x7b).toBe(mode !== "on");
        expect(await redis.rpop("l", 2)).toEqual([page(3), "two"]);
        expect(await redis.lpop("l")).toEqual(kind === "raw" ? page(0) : page(2));
      },
    );

    test("mode passthrough gives stored texts, and finds them", async () => {
      await clients.compressing(lists).rpush<unknown>("l", page(0));
      const redis = client({ ...lists, mode: "passthrough" });
      const [text] = await redis.lrange("l", 0, -1);
      expect(text).toMatch(/^zs1:KLUv/);
      expect(await redis.lpos("l", text)).toBe(0);
      const judged = client({ ...lists, mode: "passthrough", guard: true });
      const replies = await judged.pipeline().lpos("l", text).strlen("k").exec({ keepErrors: true });
      expect(replies.map(({ result }) => result)).toEqual([0, undefined]);
    });

    test("elements move with LMOVE, RPOPLPUSH and LMPOP", async () => {
      const redis = client();
      await redis.rpush("a", page(0), page(1), page(2));
      expect(await redis.lmove("a", "b", "left", "right")).toEqual(page(0));
      expect(await redis.exec(["RPOPLPUSH", "a", "b"])).toEqual(page(2));
      expect(await redis.lrange("b", 0, -1)).toEqual([page(2), page(0)]);
      expect(await redis.exec(["LMPOP", "2", "none", "b", "LEFT", "COUNT", "5"])).toEqual([
        "b",
        [page(2), page(0)],
      ]);
      expect(await redis.exec(["LMPOP", "1", "b", "LEFT"])).toBeNull();
      expect(await redis.lpop("b")).toBeNull();
      expect(await redis.lmove("b", "a", "left", "left")).toBeNull();
    });

    test("pipelines and transactions hold lists and values", async () => {
      const redis = client();
      for (const batch of [redis.pipeline(), redis.multi()]) {
        await redis.flushall();
        const results = await batch
          .rpush<unknown>("l", page(0), page(1))
          .set("k", page(2))
          .lrange("l", 0, -1)
          .get("k")
          .lpop("l")
          .exec();
        expect(results).toEqual([2, "OK", [page(0), page(1)], page(2), page(0)]);
      }
    });

    test("automatic pipelines too", async () => {
      const redis = clients[kind](lists);
      await Promise.all([0, 1, 2].map((n) => redis.rpush(`l${n}`, page(n))));
      expect(await Promise.all([0, 1, 2].map((n) => redis.lrange(`l${n}`, 0, -1)))).toEqual(
        [0, 1, 2].map((n) => [page(n)]),
      );
      expect((await stored("l1"))[0]!.length).toBeLessThan(400);
    });

    test("a user's text that looks like a frame comes back as it is, in every mode", async () => {
      const frame = toTextCarrier(zstd.compress(JSON.stringify(page(0))));
      const texts = [frame, frame.slice(0, -4), "zs1:KLUv/Q", "(\uFFFD/\uFFFD", "plain"];
      for (const mode of ["on", "read-only", "shadow"] as const) {
        const redis = client({ ...lists, mode });
        await redis.del("l");
        await redis.rpush("l", ...texts);
        await redis.lset("l", 0, frame);
        expect(await redis.lrange("l", 0, -1)).toEqual(texts);
      }
      expect(events.filter(({ type }) => type === "escaped").length).toBe(15);
    });

    test('lists: "read-only" decodes, and writes what was given', async () => {
      await clients[kind](lists).rpush<unknown>("l", page(0));
      const redis = client({ policy: { lists: "read-only" } });
      await redis.rpush<unknown>("l", page(1), toTextCarrier(zstd.compress("a")));
      expect(await redis.lrange("l", 0, -1)).toEqual([page(0), page(1), toTextCarrier(zstd.compress("a"))]);
      expect((await stored("l"))[1]!.toString()).toBe(JSON.stringify(page(1)));
      // Values are compressed as ever.
      await redis.set("k", page(2));
      expect(events.filter(({ type }) => type === "compressed").length).toBe(1);
    });

    test("without lists nothing is touched, and texts come as they lie there", async () => {
      const redis = client({});
      const frame = toTextCarrier(zstd.compress(JSON.stringify(page(0))));
      await redis.rpush<unknown>("l", page(0), frame);
      expect((await stored("l")).map(String)).toEqual([JSON.stringify(page(0)), frame]);
      expect(await redis.lrange("l", 0, -1)).toEqual([page(0), frame]);
      expect(await redis.lpos("l", frame)).toBe(1);
      expect(await redis.lrem("l", 1, page(0))).toBe(1);
      await redis.linsert("l", "before", frame, "x");
      expect(await redis.lpop("l", 2)).toEqual(["x", frame]);
      // One that waits to be decoded can be decoded.
      await clients.compressing(lists).rpush<unknown>("l", page(1));
      expect(JSON.parse(decodeValue(zstd, (await redis.lpop<string>("l"))!))).toEqual(page(1));
      expect(events).toEqual([]);
    });

    test("LREM, LPOS and LINSERT are refused by name, before anything is sent", async () => {
      const redis = client();
      await redis.rpush<unknown>("l", page(0), "b");
      for (const [name, run] of [
        ["LREM", () => redis.lrem("l", 1, page(0))],
        ["LPOS", () => redis.lpos("l", page(0))],
        ["LINSERT", () => redis.linsert("l", "after", page(0), page(1))],
        ["LREM", () => redis.multi().rpush("l", "d").lrem("l", 1, "b").exec()],
      ] as const) {
        const error = await rejection(run());
        expect(error).toBeInstanceOf(ZstashError);
        expect(error).toMatchObject({ code: "COMMAND_REFUSED", key: "l" });
        expect((error as Error).message).toMatch(
          new RegExp(`^Cannot run ${name} on "l": .*LRANGE, LSET, LTRIM.*lists: false`),
        );
      }
      const replies = await redis
        .pipeline()
        .rpush("l", "e")
        .lrem("l", 1, "b")
        .llen("l")
        .exec({ keepErrors: true });
      expect(
        replies.map(({ result, error }) => error?.match(/^ZSTASH_COMMAND_REFUSED/)?.[0] ?? result),
      ).toEqual([3, "ZSTASH_COMMAND_REFUSED", 3]);
    });

    test("a policy function opts keys in, and is asked of what looks compressed alone", async () => {
      const asked: string[] = [];
      const policy: CompressionOptions["policy"] = ({ command, key, size }) => {
        asked.push(`${command} ${key} ${size}`);
        return key.startsWith("chat:") && { lists: true, minSize: 200 };
      };
      const redis = client({ policy });
      const text = "a word ".repeat(60);
      await redis.rpush<unknown>("chat:1", text, "b");
      await redis.rpush("jobs", text);
      expect(asked.splice(0)).toEqual([
        "RPUSH chat:1 Infinity",
        "RPUSH chat:1 420",
        "RPUSH chat:1 1",
        "RPUSH jobs Infinity",
      ]);
      expect((await stored("chat:1"))[0]!.toString()).toMatch(/^zs1:/);
      expect((await stored("jobs"))[0]!.toString()).toBe(text);
      expect(await redis.lrange("jobs", 0, -1)).toEqual([text]);
      expect(asked).toEqual([]);
      expect(await redis.lrange("chat:1", 0, -1)).toEqual([text, "b"]);
      expect(asked.splice(0)).toEqual(["LRANGE chat:1 Infinity"]);
      expect(await redis.lrem("jobs", 1, text)).toBe(1);
      expect(zstashCode(await rejection(redis.lrem("chat:1", 1, text)))).toBe("COMMAND_REFUSED");
    });

    test("a policy function that fails opts no list in", async () => {
      const redis = client({
        policy: () => {
          throw new RangeError("not for Infinity");
        },
      });
      const frame = toTextCarrier(zstd.compress("a text"));
      expect(await redis.rpush("l", frame)).toBe(1);
      expect(await redis.lrange("l", 0, -1)).toEqual([frame]);
      expect(await redis.lrem("l", 1, frame)).toBe(1);
    });

    test("a damaged element is an error with its key, or is left out", async () => {
      await client().rpush<unknown>("l", "text", page(0), page(1));
      const [, damaged] = (await stored("l")).map(String);
      await clients.plain().lset("l", 1, `${damaged!.slice(0, -12)}AAAAAAAAAAAA`);
      const error = await rejection(client().lrange("l", 0, -1));
      expect(error).toMatchObject({ key: "l" });
      expect((error as Error).message).toContain('the value of "l" (LRANGE)');
      const lenient = client({ ...lists, onCorrupt: "miss" });
      expect(await lenient.lrange("l", 0, -1)).toEqual(["text", page(1)]);
      expect(await lenient.lindex("l", 1)).toBeNull();
      expect(await lenient.exec(["LMPOP", "1", "l", "LEFT", "COUNT", "2"])).toEqual(["l", ["text"]]);
    });

    test("with a dictionary elements of 250 bytes are half as long", async () => {
      const dictionaries = [readDictionary(newer)];
      const redis = client({ ...lists, dictionaries });
      const sessions = Array.from({ length: 30 }, (_, id) => sessionOf(id));
      for (const session of sessions) await redis.rpush("l", session);
      const found = await stored("l");
      const size = found.reduce((sum, one) => sum + one.length, 0);
      expect(size).toBeLessThan(0.6 * JSON.stringify(sessions).length);
      expect(
        found.every(
          (one) => readFrameHeader(one[0] === 0x28 ? one : fromTextCarrier(`${one}`)).dictionaryId === NEWER,
        ),
      ).toBe(true);
      expect(await redis.lrange("l", 0, -1)).toEqual(sessions);
      const error = await rejection(client().lrange("l", 0, 0));
      expect(error).toMatchObject({ code: "DICTIONARY_UNKNOWN", dictionaryId: NEWER, key: "l" });
    });

    test("guard sees scripts that look for elements", async () => {
      const redis = client({ ...lists, guard: true });
      const removes = "return redis.call('LREM', KEYS[1], 1, ARGV[1])";
      expect(zstashCode(await rejection(redis.eval(removes, ["l"], ["x"])))).toBe("COMMAND_REFUSED");
      const compares = "if redis.call('LINDEX', KEYS[1], 0) == ARGV[1] then return 1 end";
      expect(zstashCode(await rejection(redis.eval(compares, ["l"], ["x"])))).toBe("COMMAND_REFUSED");
      if (backend === "redis-server") {
        const other = client({ guard: true });
        expect(await other.eval(removes, ["l"], ["x"])).toBe(0);
      }
    });
  });

  test("without lists the raw client decodes frames in bytes, and leaves other bytes as the SDK has them", async () => {
    await clients.raw(lists, { enableAutoPipelining: false }).rpush<unknown>("l", page(0));
    const { url, token } = clients.endpoint();
    const put = (bytes: Uint8Array): Promise<Response> =>
      fetch(`${url}/rpush/l`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}` },
        body: bytes as BodyInit,
      });
    await put(encodeValue(zstd, JSON.stringify(page(1)), { carrier: "raw" }));
    await put(new Uint8Array([0xff, 0xfe, 65]));
    expect(await clients.raw({}).lrange("l", 0, -1)).toEqual([page(0), page(1), "\uFFFD\uFFFDA"]);
    expect(await clients.raw({}).lpop("l")).toEqual(page(0));
  });
});

test.each([
  [
    ["blpop", "a", "b", 1],
    ["b", "<v>"],
  ],
  [
    ["BRPOP", "a", "b", 1],
    ["b", "<v>"],
  ],
  [
    ["blmpop", 1, 2, "a", "b", "LEFT"],
    ["b", ["<v>", "x"]],
  ],
  [["blmove", "b", "a", "left", "right", 1], "<v>"],
  [["brpoplpush", "b", "a", 1], "<v>"],
  [["blpop", "a", 1], null],
])("the reply to %j is decoded, by the key that it names", async (body, result) => {
  const text = JSON.stringify(page(0));
  const through = (value: string, policy: CompressionOptions["policy"]): Promise<CommandReply> =>
    compressionMiddleware({ zstd, policy: policy! })({ body }, () =>
      Promise.resolve(JSON.parse(JSON.stringify({ result }).replace("<v>", value)) as CommandReply),
    );
  const frame = toTextCarrier(zstd.compress(text));
  const wanted = JSON.parse(JSON.stringify(result).replace("<v>", "?")) as unknown;
  const seen = (reply: CommandReply, value: string): unknown =>
    JSON.parse(JSON.stringify(reply.result).replace(JSON.stringify(value).slice(1, -1), "?"));
  expect(seen(await through(frame, { lists: true }), text)).toEqual(wanted);
  expect(seen(await through(frame, ({ key }) => ({ lists: key === "b" })), text)).toEqual(wanted);
  expect(seen(await through(frame, ({ key }) => ({ lists: key === "a" })), frame)).toEqual(wanted);
});
