/** What is loaded on demand may be missing, as on an old page after a new deployment: all else goes on without it. */
import { beforeAll, describe, expect, test, vi } from "vitest";
import { loadZstd, type Zstd } from "../../../src/codec/zstd.ts";
import { ZstashError } from "../../../src/errors.ts";
import type { ZstashEvent } from "../../../src/metrics/events.ts";
import {
  compressionMiddleware,
  createRequester,
  type CommandReply,
  type CommandRequest,
  type CompressionOptions,
  type Fetch,
  type SendRequest,
} from "../../../src/upstash/index.ts";
import { toTextCarrier } from "../../../src/value/carrier.ts";
import { rejection } from "../../support/rejection.ts";

vi.mock("../../../src/upstash/on-demand/index.ts", () => {
  throw new Error("404: the module is gone");
});

const text = (count: number): string =>
  JSON.stringify(Array.from({ length: count }, (_, id) => ({ id, name: `name ${id % 7}`, note: "hunter2" })));

let zstd: Zstd;
beforeAll(async () => {
  zstd = await loadZstd();
});

function link(options: CompressionOptions, answer: (body: unknown) => unknown = () => ({ result: "OK" })) {
  const bodies: unknown[] = [];
  const events: ZstashEvent[] = [];
  const next: SendRequest = async ({ body }: CommandRequest) => {
    bodies.push(body);
    return (await answer(body)) as CommandReply;
  };
  const middleware = compressionMiddleware({ zstd, onEvent: (event) => events.push(event), ...options });
  return { bodies, events, send: (...body: unknown[]) => middleware<unknown>({ body }, next) };
}

describe("without the module that is loaded on demand", () => {
  test("it is missing here", async () => {
    await expect(import("../../../src/upstash/on-demand/index.ts")).rejects.toThrow("mock");
  });

  test("a large value is written uncompressed, with an event", async () => {
    const { send, bodies, events } = link({});
    const value = text(20_000);
    expect(await send("set", "k", value)).toEqual({ result: "OK" });
    expect(bodies).toEqual([["set", "k", value]]);
    expect(events).toMatchObject([{ type: "uncompressed", key: "k", error: expect.any(Error) }]);
  });

  test("a large value that has to be wrapped is wrapped", async () => {
    const { send, bodies } = link({});
    await send("set", "k", `zs1:KLUv/${text(20_000)}`);
    expect((bodies[0] as string[])[2]).toMatch(/^zs1:KLUv\/.*[A-Za-z0-9+/=]$/);
  });

  test("a large value is read", async () => {
    const random = Array.from({ length: 9000 }, (_, index) => (index * 2654435761) % 4294967296).join(",");
    const stored = toTextCarrier(zstd.compress(random));
    expect(stored.length).toBeGreaterThan(16 << 10);
    const { send } = link({}, () => ({ result: stored }));
    expect(await send("get", "k")).toEqual({ result: random });
  });

  test("small values and foreign ones need none of it", async () => {
    const { send, bodies } = link({ guard: true }, (body) => ({
      result: (body as string[])[0] === "get" ? "x" : "OK",
    }));
    await send("set", "k", text(100));
    expect((bodies[0] as string[])[2]).toMatch(/^zs1:/);
    expect(await send("get", "k")).toEqual({ result: "x" });
    expect(await rejection(send("append", "k", "x"))).toMatchObject({ code: "COMMAND_REFUSED" });
  });

  test("a requester sends bytes", async () => {
    const sent: unknown[] = [];
    const fetch: Fetch = async (_, { body }) => {
      sent.push(body);
      return new Response("+OK\r\n");
    };
    const requester = createRequester({
      url: "http://127.0.0.1:9",
      token: "token",
      fetch,
      compression: { zstd },
    });
    expect(await requester.request({ body: ["set", "k", text(100)] })).toEqual({ result: "OK" });
    expect(sent).toEqual([expect.any(Uint8Array)]);
  });

  test("a pipeline above the limit goes whole", async () => {
    const { send, bodies } = link({ maxRequestSize: 500 }, (body) =>
      (body as unknown[]).map(() => ({ result: "OK" })),
    );
    await send(...Array.from({ length: 20 }, (_, index) => ["set", `k${index}`, "x".repeat(300)]));
    expect(bodies).toHaveLength(1);
  });

  test.each([
    new TypeError("fetch failed"),
    new Error("WRONGTYPE Operation against a key"),
    new ZstashError("TIMEOUT", "Cannot reach the server: silent"),
  ])("%s stays what it is", async (error) => {
    const { send } = link({}, () => {
      throw error;
    });
    expect(await rejection(send("get", "k"))).toBe(error);
    expect(await rejection(send("set", "k", text(100)))).toBe(error);
    expect(await rejection(send(["get", "k"], ["get", "l"]))).toBe(error);
  });

  test("a size that the server refuses is named, without the command", async () => {
    const refusal = new Error("ERR max request size exceeded. Limit: 5 bytes, command was: [set,k,hunter2]");
    const { send } = link({}, () => Promise.reject(refusal));
    for (const request of [() => send("set", "k", "hunter2"), () => send(["get", "k"], ["get", "l"])]) {
      const error = (await rejection(request())) as ZstashError;
      expect(error.code).toBe("REQUEST_LIMIT");
      expect(error.message).not.toContain("hunter2");
    }
  });

  test("values that do not decode are named together", async () => {
    const { send } = link({}, () => ({ result: ["zs1:KLUv/Q!", "zs1:KLUv/Q!!", null] }));
    const error = (await rejection(send("mget", "a", "b", "c"))) as ZstashError;
    expect(error).toMatchObject({ code: "CORRUPT", keys: ["a", "b"] });
  });

  test("values that are too large together are refused, with their keys", async () => {
    const stored = toTextCarrier(zstd.compress("x".repeat(600)));
    const { send, events } = link({ maxSize: 1000, maxReplySize: 1000 }, () => ({
      result: [stored, stored],
    }));
    const error = (await rejection(send("mget", "a", "b"))) as ZstashError;
    expect(error).toMatchObject({ code: "SIZE_LIMIT", keys: ["a", "b"] });
    expect(error.message).toContain("maxReplySize");
    expect(events).toMatchObject([
      { type: "decode-failed", key: "a", code: "SIZE_LIMIT" },
      { type: "decode-failed", key: "b", code: "SIZE_LIMIT" },
    ]);
  });
});
