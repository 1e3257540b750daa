/** The values of one reply have a limit together: a hostile writer's small values may decode to gigabytes. */
import { beforeAll, describe, expect, test } from "vitest";
import { loadZstd, type Zstd } from "../../../src/codec/zstd.ts";
import { ZstashError } from "../../../src/errors.ts";
import { concatenate } from "../../../src/bytes.ts";
import type { ZstashEvent } from "../../../src/metrics/events.ts";
import {
  compressionMiddleware,
  type CommandReply,
  type CompressionOptions,
} from "../../../src/upstash/index.ts";
import { toTextCarrier } from "../../../src/value/carrier.ts";
import { rejection } from "../../support/rejection.ts";

const MIB = 1 << 20;
const COUNT = 60;

let zstd: Zstd;
/** 31 MiB of zeros as they lie in Redis; the same without a content size; the same behind a frame that claims one byte. */
let bomb: string;
let silent: string;
let hidden: string;
const small = "a small value ".repeat(200);
let stored: string;

beforeAll(async () => {
  zstd = await loadZstd();
  const zeros = new Uint8Array(31 * MIB);
  const frame = zstd.compress(zeros, { level: 19 });
  bomb = toTextCarrier(frame);
  hidden = toTextCarrier(concatenate([zstd.compress("a"), frame]));
  stored = toTextCarrier(zstd.compress(small));
  const { readable, writable } = zstd.compressStream({ level: 1 });
  const writer = writable.getWriter();
  void writer.write(zeros).then(() => writer.close());
  silent = toTextCarrier(new Uint8Array(await new Response(readable).arrayBuffer()));
});

/** A middleware before a server that always gives the same answer, and a codec that counts what it decodes. */
function link(answer: unknown, options: CompressionOptions = {}) {
  const events: ZstashEvent[] = [];
  const decoded = { bytes: 0, calls: 0 };
  const counting: Zstd = {
    ...zstd,
    decompressText(data, limits) {
      decoded.calls += 1;
      const text = zstd.decompressText(data, limits);
      decoded.bytes += text.length;
      return text;
    },
    decompressStream() {
      throw new ZstashError("UNSUPPORTED", "Cannot stream: whole values are counted");
    },
  };
  const middleware = compressionMiddleware({
    zstd: counting,
    onEvent: (event) => events.push(event),
    ...options,
  });
  const send = (...body: unknown[]) =>
    middleware<unknown>({ body }, async () => answer as CommandReply) as Promise<
      CommandReply & CommandReply[]
    >;
  return { send, events, decoded };
}

const repeat = (item: unknown): unknown[] => Array.from({ length: COUNT }, () => item);
const pairs = (value: unknown): unknown[] => repeat(value).flatMap((one, index) => [`f${index}`, one]);
const keys = Array.from({ length: COUNT }, (_, index) => `k${index}`);

describe("60 values that claim 31 MiB each", () => {
  test.each([
    ["hgetall", ["hgetall", "h"], () => pairs(bomb), ["h"]],
    ["hvals", ["hvals", "h"], () => repeat(bomb), ["h"]],
    ["hscan", ["hscan", "h", "0"], () => ["0", pairs(bomb)], ["h"]],
    ["hmget", ["hmget", "h", ...keys], () => repeat(bomb), ["h"]],
    ["hrandfield", ["hrandfield", "h", 60, "withvalues"], () => pairs(bomb), ["h"]],
    ["mget", ["mget", ...keys], () => repeat(bomb), keys],
  ])("%s is refused before anything is decoded", async (_, command, result, named) => {
    const { send, decoded, events } = link({ result: result() });
    const error = (await rejection(send(...command))) as ZstashError;
    expect(error).toMatchObject({ code: "SIZE_LIMIT", keys: named });
    expect(error.key).toBe(named.length === 1 ? named[0] : undefined);
    expect(error.message).toContain("maxReplySize");
    expect(error.message.length).toBeLessThan(400);
    expect(decoded.calls).toBe(0);
    expect(events).toHaveLength(COUNT);
    expect(events[0]).toMatchObject({ type: "decode-failed", code: "SIZE_LIMIT" });
  });

  test("in a pipeline as many fail as are over the limit, and no small one", async () => {
    const answer = [
      ...repeat({ result: bomb }),
      { result: stored },
      { result: pairs(bomb) },
      { result: "plain" },
    ];
    const { send, decoded } = link(answer);
    const commands = [
      ...keys.map((key) => ["get", key]),
      ["get", "small"],
      ["hgetall", "h"],
      ["get", "plain"],
    ];
    const replies = await send(...commands);
    const failed = replies.filter(({ error }) => error?.startsWith("ZSTASH_SIZE_LIMIT ") === true);
    expect(failed).toHaveLength(COUNT - 4 + 1);
    expect(replies[COUNT]).toEqual({ result: small });
    expect(replies[COUNT + 1]).toMatchObject({
      result: [],
      error: expect.stringContaining('60 values of "h"'),
    });
    expect(replies[COUNT + 2]).toEqual({ result: "plain" });
    expect(decoded.bytes).toBe(4 * 31 * MIB + small.length);
  });
});

describe("values that do not claim what they are", () => {
  test.each([
    ["claim nothing", () => silent],
    ["have a second frame", () => hidden],
  ])("are held to the limit while they are decoded: they %s", async (_, value) => {
    const { send, decoded } = link({ result: pairs(value()) });
    const error = (await rejection(send("hgetall", "h"))) as ZstashError;
    expect(error).toMatchObject({ code: "SIZE_LIMIT", key: "h" });
    expect(error.message).toContain("maxReplySize");
    expect(decoded.bytes).toBeLessThanOrEqual(128 * MIB);
    expect(decoded.calls).toBe(5);
  });

  test("take nothing from those that do, wherever they stand in a pipeline", async () => {
    const { send } = link([
      { result: repeat(silent) },
      { result: stored },
      { result: bomb },
      { result: stored },
    ]);
    const replies = await send(["hvals", "h"], ["get", "a"], ["get", "b"], ["get", "c"]);
    expect(replies[0]!.error).toMatch(/^ZSTASH_SIZE_LIMIT /);
    expect([replies[1], replies[3]]).toEqual([{ result: small }, { result: small }]);
    expect((replies[2]!.result as string).length).toBe(31 * MIB);
  });
});

describe("the limit", () => {
  const three = (): unknown => ({ result: [stored, stored, stored] });

  test("is exact, in bytes", async () => {
    const size = 3 * small.length;
    const fits = link(three(), { maxReplySize: size });
    expect(await fits.send("mget", "a", "b", "c")).toEqual({ result: [small, small, small] });
    const over = link(three(), { maxReplySize: size - 1 });
    expect(await rejection(over.send("mget", "a", "b", "a"))).toMatchObject({
      code: "SIZE_LIMIT",
      keys: ["a", "b"],
    });
    expect(over.decoded.calls).toBe(0);
  });

  test("counts bytes of UTF-8, also of frames that claim nothing", async () => {
    const text = "é".repeat(2000);
    const { readable, writable } = zstd.compressStream();
    const writer = writable.getWriter();
    void writer.write(new TextEncoder().encode(text)).then(() => writer.close());
    const silent = toTextCarrier(new Uint8Array(await new Response(readable).arrayBuffer()));
    const fits = link({ result: [silent, silent] }, { maxReplySize: 8000 });
    expect(await fits.send("hvals", "h")).toEqual({ result: [text, text] });
    const over = link({ result: [silent, silent] }, { maxReplySize: 7999 });
    expect(await rejection(over.send("hvals", "h"))).toMatchObject({ code: "SIZE_LIMIT" });
  });

  test("leaves a value above maxSize its own error, which takes nothing", async () => {
    const { send } = link({ result: [stored, bomb, stored] }, { maxSize: MIB, maxReplySize: MIB });
    const error = (await rejection(send("mget", "a", "b", "c"))) as ZstashError;
    expect(error).toMatchObject({ code: "SIZE_LIMIT", key: "b" });
    expect(error.message).not.toContain("maxReplySize");
  });

  test("is no miss where damage is", async () => {
    const { send } = link({ result: repeat(bomb) }, { onCorrupt: "miss" });
    expect(await rejection(send("hvals", "h"))).toMatchObject({ code: "SIZE_LIMIT" });
  });

  test("is never less than maxSize by default, and is checked", async () => {
    const { send } = link({ result: bomb }, { maxSize: 512 * MIB });
    expect(((await send("get", "k")).result as string).length).toBe(31 * MIB);
    for (const maxReplySize of [-1, 0.5, Number.NaN, "1", null] as never[])
      expect(() => compressionMiddleware({ maxReplySize })).toThrow(/"maxReplySize"/);
  });
});
