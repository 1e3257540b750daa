/** What the cases of the wrapper around @upstash/redis have in common. */
import type { Redis } from "@upstash/redis";
import type { CompressionOptions, RestOptions } from "../../src/upstash/index.ts";
import { equal, fail, type Case, type ConnectOptions, type Context, type UpstashContext } from "./case.ts";

/** How values lie in Redis: as text, or, through `zstash/redis`, as the frame itself. */
export type Carrier = "text" | "raw";

/** An empty database, clients of it, and its bytes. */
export interface Scene extends UpstashContext {
  readonly context: Context;
  /** Knows nothing of compression. */
  readonly plain: Redis;
  /** A new wrapped client. */
  wrap(carrier: Carrier, options?: WrapOptions, client?: ConnectOptions): Redis;
  /** The bytes that a command such as GET answers. */
  stored(...command: readonly string[]): Promise<Uint8Array>;
  /** Puts bytes where a SET would. */
  store(key: string, bytes: Uint8Array): Promise<void>;
}

/** Options of compression, and for the raw carrier those of its transport. */
export type WrapOptions = CompressionOptions & Partial<RestOptions>;

/** A value that shrinks well: 200 rows of JSON. */
export const rows: readonly object[] = Array.from({ length: 200 }, (_, day) => ({
  day,
  page: "/home",
  visits: day * 7,
}));

/** A case that begins with an empty database. */
export function upstashCase(name: string, run: (scene: Scene) => Promise<void>): Case {
  return {
    name,
    needs: ["upstash"],
    async run(context) {
      if (context.upstash === undefined) return fail("the context has no client");
      const scene = sceneOf(context, context.upstash);
      await scene.plain.flushdb();
      await run(scene);
    },
  };
}

function sceneOf(context: Context, upstash: UpstashContext): Scene {
  const { server } = upstash;
  const send = async (path: string, body: string | Uint8Array): Promise<unknown> => {
    const response = await fetch(server.url + path, {
      method: "POST",
      headers: { authorization: `Bearer ${server.token}`, "upstash-encoding": "base64" },
      body: body as BodyInit,
    });
    return ((await response.json()) as { result?: unknown }).result;
  };
  return {
    ...upstash,
    context,
    plain: upstash.connect(),
    wrap(carrier, options = {}, client = {}) {
      if (carrier === "text") return upstash.withCompression(upstash.connect(client), options);
      const { url, token, fetch: send, retry, timeout, signal, ...compression } = options;
      const transport = { url, token, fetch: send, retry, timeout, signal };
      const given = Object.fromEntries(Object.entries(transport).filter(([, value]) => value !== undefined));
      const enableAutoPipelining = client.autoPipelining ?? true;
      return new upstash.Redis({
        ...server,
        enableTelemetry: false,
        enableAutoPipelining,
        ...given,
        compression,
      });
    },
    async stored(...command) {
      const text = await send("", JSON.stringify(command));
      if (typeof text !== "string") return fail(`${command[0]} answered no string`);
      return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    },
    async store(key, bytes) {
      if ((await send(`/set/${encodeURIComponent(key)}`, bytes)) !== "OK") fail("the bytes were not stored");
    },
  };
}

/** Fails unless what is stored is a compressed value of the carrier. */
export function lies(carrier: Carrier, stored: Uint8Array, about: string): void {
  const start = carrier === "raw" ? [0x28, 0xb5, 0x2f, 0xfd] : new TextEncoder().encode("zs1:KLUv/");
  equal(stored.subarray(0, start.length), Uint8Array.from(start), `${about}: its first bytes`);
}

/** By their JSON. */
export function same(actual: unknown, expected: unknown, about: string): void {
  equal(JSON.stringify(actual), JSON.stringify(expected), about);
}

/** By their JSON, in whichever order Redis keeps the fields of a hash. */
export function sameFields(
  actual: Readonly<Record<string, unknown>> | null,
  expected: object,
  about: string,
): void {
  same(sorted(Object.entries(actual ?? {})), sorted(Object.entries(expected)), about);
}

/** Values in the order of their JSON. */
export function sorted(values: readonly unknown[]): unknown[] {
  const texts = values.map((value) => [JSON.stringify(value), value] as const);
  return texts.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value);
}

/** What a promise is rejected with. */
export async function rejection(about: string, promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  return fail(`${about}: no error`);
}

/** Fails unless a promise is rejected with the code, in an error of ours or in the client's own for a batch. */
export async function rejects(
  { zstashCode }: Scene,
  code: string,
  about: string,
  promise: Promise<unknown>,
): Promise<void> {
  const error = await rejection(about, promise);
  equal(zstashCode(error), code, `${about} (${String(error).slice(0, 100)})`);
}
