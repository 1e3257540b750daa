/** Where a plain client loses data or fails by itself, and what a compressing client does there. */
import type { Redis } from "@upstash/redis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadZstd } from "../../../src/codec/zstd.ts";
import { zstashCode } from "../../../src/upstash/index.ts";
import { toTextCarrier } from "../../../src/value/carrier.ts";
import { settle } from "./rig.ts";
import {
  carriers,
  clientKinds,
  noCounts,
  startServers,
  type ClientKind,
  type Pair,
  type Servers,
} from "../../support/equality/servers.ts";
import { backends } from "../../support/backends.ts";
import { rejection } from "../../support/rejection.ts";

const BOM = "\uFEFF";
/** Clients that ask for replies as JSON has them. */
const withoutBase64: ReadonlySet<ClientKind> = new Set(["JSON replies", "cloudflare, bare"]);
const text = "the quick brown fox ".repeat(100);

describe.each(backends)("on %s", (backend) => {
  let servers: Servers;
  beforeAll(async () => {
    servers = await startServers(backend, {});
  });
  afterAll(() => servers?.close());

  const connect = async (carrier: (typeof carriers)[number], kind: ClientKind): Promise<Pair> =>
    (await servers.connect(carrier, noCounts())).get(kind)!;

  describe.each(carriers)("with the %s carrier", (carrier) => {
    test.each(clientKinds)("a text with a byte order mark stays whole, %s", async (kind) => {
      const { plain, wrapped } = await connect(carrier, kind);
      const frame = toTextCarrier((await loadZstd()).compress(text));
      const values = [BOM, `${BOM}a`, BOM + BOM, `${BOM}{"a":1}`, `${BOM}123`, BOM + frame, BOM + text];
      for (const value of values) {
        const [got, lost] = [await readings(wrapped, value), await readings(plain, value)];
        for (const [command, reading] of Object.entries(got))
          expect([command, reading]).toEqual([command, value]);
        // Without base64 it survives in a plain client too.
        if (!kind.includes("bare") && kind !== "JSON replies")
          expect(Object.values(lost)).not.toContain(value);
      }
    });

    test.each(clientKinds)("a value that JSON has not fails or becomes what it becomes, %s", async (kind) => {
      const { plain, wrapped } = await connect(carrier, kind);
      // The last one throws before anything is sent, and leaves the client's next automatic pipeline out of step.
      for (const value of [undefined, NaN, Infinity, Symbol("symbol"), () => 1, 1n]) {
        const [wanted, got] = await Promise.all(
          [plain, wrapped].map(async (redis) => [
            await settle(() => redis.set("key", value)),
            await settle(() => redis.pipeline().set("key", value).get("key").exec()),
            await settle(() => redis.pipeline().hset("hash", { field: value }).exists("hash").exec()),
          ]),
        );
        // A pipeline of one command is sent as that command over our own transport.
        const whole = (outcomes: unknown): string =>
          JSON.stringify(outcomes)
            .replaceAll(/Command (?:\d+ \[ \S+ \] )?failed: /g, "")
            .replaceAll("parse pipeline request", "parse command");
        expect(whole(got)).toBe(whole(wanted));
      }
    });
  });

  describe("bytes that are no text", () => {
    const put = async (key: string, body: Uint8Array): Promise<void> => {
      const { url, token } = servers.wrapped;
      const init = { method: "POST", headers: { authorization: `Bearer ${token}` }, body: body as BodyInit };
      expect((await fetch(`${url}/set/${key}`, init)).status).toBe(200);
    };
    const bytes = Uint8Array.from({ length: 256 }, (_, byte) => byte);

    test.each(clientKinds)("in a frame fail, and are never a wrong value, %s", async (kind) => {
      const zstd = await loadZstd();
      const { wrapped } = await connect("raw", kind);
      const { wrapped: textOnly } = await connect("text", kind);
      await put("bytes", zstd.compress(bytes));
      await put("text", zstd.compress(text));
      expect(await wrapped.get("text")).toBe(text);
      expect(zstashCode(await rejection(wrapped.get("bytes")))).toBe("NOT_TEXT");
      for (const key of ["text", "bytes"])
        expect(zstashCode(await rejection(textOnly.get(key)))).toBe("UNSUPPORTED");
      expect(zstashCode(await rejection(wrapped.mget("text", "bytes")))).toBe("NOT_TEXT");
    });

    test.each(clientKinds)("in no frame read as they do without zstash, %s", async (kind) => {
      const { wrapped } = await connect("raw", kind);
      await put("bytes", bytes);
      const lossy = Buffer.from(bytes).toString();
      expect(await wrapped.get("bytes")).toBe(lossy);
      expect(await wrapped.mget("bytes", "none")).toEqual([lossy, null]);
    });

    test.each(clientKinds)(
      "a byte order mark that was stored without zstash is dropped with base64 replies, as by the SDK, %s",
      async (kind) => {
        const { wrapped } = await connect("raw", kind);
        await put("mark", new TextEncoder().encode(`${BOM}a`));
        expect(await wrapped.get("mark")).toBe(withoutBase64.has(kind) ? `${BOM}a` : "a");
      },
    );
  });
});

/** The value as every reading command gives it, by the command. */
async function readings(redis: Redis, value: string): Promise<Record<string, unknown>> {
  await redis.del("key", "hash");
  await redis.set("key", value);
  const fields = (record: unknown): unknown =>
    Array.isArray(record) ? (record as unknown[]).at(-1) : (record as { field: unknown }).field;
  const hash = (): Promise<unknown> => redis.hset("hash", { field: value });
  await hash();
  const strings = {
    get: await redis.get("key"),
    getex: await redis.getex("key", { ex: 1000 }),
    getset: await redis.getset("key", value),
    set: await redis.set("key", value, { get: true }),
    mget: (await redis.mget<unknown[]>("none", "key"))[1],
    pipeline: (await redis.pipeline().exists("key").get("key").exec())[1],
    multi: (await redis.multi().exists("key").get("key").exec())[1],
    getdel: await redis.getdel("key"),
  };
  return {
    ...strings,
    hget: await redis.hget("hash", "field"),
    hmget: fields(await redis.hmget("hash", "none", "field")),
    hgetall: fields(await redis.hgetall("hash")),
    hvals: (await redis.hvals("hash"))[0],
    hscan: (await redis.hscan("hash", 0))[1][1],
    hrandfield: fields(await redis.hrandfield("hash", 1, true)),
    hgetex: fields(await redis.hgetex("hash", { ex: 1000 }, "none", "field")),
    hgetdel: fields(await redis.hgetdel("hash", "none", "field")),
  };
}
