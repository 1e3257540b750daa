/**
 * A server, clients of it that each stand for an isolate of their own, and what lies in Redis, written and read without
 * any code of the package.
 */
import { Redis as StockRedis } from "@upstash/redis";
import { afterAll, beforeAll, beforeEach } from "vitest";
import { createDevServer, type DevServer } from "../../../src/dev/index.ts";
import { withContentId } from "../../../src/dictionaries/stored.ts";
import { Redis, type RedisConfig } from "../../../src/redis.ts";
import { createStore, type Store, type StoreOptions } from "../../../src/store/index.ts";
import {
  withCompression,
  type ClientCompressionOptions,
  type ZstashEvent,
} from "../../../src/upstash/index.ts";
import type { Backend } from "../../support/backends.ts";
import { newer, older } from "../../support/dictionaries.ts";

/** The dictionaries of these tests under the ids of their content. */
export const first: ReturnType<typeof withContentId> = withContentId(newer);
export const second: ReturnType<typeof withContentId> = withContentId(older);

/** A request: the commands in it. */
export type Sent = readonly (readonly unknown[])[];

/** What is done to a request instead of sending it, or before that. */
export type Around = (sent: Sent, forward: () => Promise<Response>) => Promise<Response>;

/** A client that stands for an isolate. */
export interface Isolate {
  readonly redis: StockRedis;
  /** Requests of the raw client since the last call; of the text client nothing is seen. */
  readonly sent: Sent[];
  readonly events: ZstashEvent[];
  around: Around;
}

export interface Rig {
  readonly url: string;
  readonly token: string;
  /** The client of zstash/redis, in an isolate of its own unless `host` names one. */
  raw(compression?: ClientCompressionOptions, host?: string): Isolate;
  /** withCompression over the SDK's transport. */
  text(compression?: ClientCompressionOptions): Isolate;
  store(options?: Partial<StoreOptions>): { readonly store: Store } & Omit<Isolate, "redis">;
  /** Commands as they are. */
  send(...commands: readonly (readonly (string | number)[])[]): Promise<unknown[]>;
  /** Puts a dictionary and a manifest where writers and readers look for them. */
  publish(manifest?: object): Promise<void>;
}

/** Long: this machine may be busy, and a test that is to see a short wait says so. */
const WAIT = 10_000;

let isolates = 0;

/** Starts a server for the enclosing describe block, and empties it before each test. */
export function useDictionaries(backend: Backend): () => Rig {
  let server: DevServer | undefined;
  let rig: Rig | undefined;
  beforeAll(async () => {
    server = await createDevServer({ backend });
    const { url } = await server.listen();
    rig = rigOf(url, server.token);
  });
  beforeEach(async () => {
    await rig!.send(["FLUSHALL"]);
  });
  afterAll(() => server?.close());
  return () => rig!;
}

/** What lies in Redis for a dictionary. */
export const textOf = ({ bytes }: { readonly bytes: Uint8Array }): string =>
  Buffer.from(bytes).toString("base64");
export const keyOf = ({ id }: { readonly id: number }): string => `zstash:dict:${id}`;

/** "auto" with a long wait, unless the options have dictionaries of their own. */
const autoUnless = ({ dictionaries }: ClientCompressionOptions): ClientCompressionOptions =>
  dictionaries === undefined ? { dictionaries: "auto", dictionaryWait: WAIT } : {};

function rigOf(url: string, token: string): Rig {
  const send: Rig["send"] = async (...commands) => {
    const response = await fetch(`${url}/pipeline`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}` },
      body: JSON.stringify(commands),
    });
    const replies = (await response.json()) as { result?: unknown; error?: string }[];
    return replies.map(({ result, error }) => (error === undefined ? result : new Error(error)));
  };
  const observed = (host: string) => {
    const seen: Omit<Isolate, "redis"> = {
      sent: [],
      events: [],
      around: (_, forward) => forward(),
    };
    const through = async (target: string, init: RequestInit): Promise<Response> => {
      const sent = commandsOf(target, init);
      seen.sent.push(sent);
      return seen.around(sent, () => fetch(target.replace(host, url), init));
    };
    // Requests are seen on the wire.
    const onEvent = (event: ZstashEvent): void => {
      if (event.type !== "request") seen.events.push(event);
    };
    return { seen, through, onEvent };
  };
  const newHost = (): string => `http://isolate-${(isolates += 1)}.test`;
  return {
    url,
    token,
    raw(compression = {}, host = newHost()) {
      const { seen, through, onEvent } = observed(host);
      const options = { ...autoUnless(compression), onEvent, ...compression };
      const redis = new Redis({
        url: host,
        token,
        enableTelemetry: false,
        enableAutoPipelining: false,
        retry: false,
        fetch: through,
        compression: options,
      } as RedisConfig);
      return Object.assign(seen, { redis });
    },
    text(compression = {}) {
      const { seen, onEvent } = observed("none");
      const stock = new StockRedis({ url, token, enableTelemetry: false, enableAutoPipelining: false });
      const options = { ...autoUnless(compression), onEvent, ...compression };
      return Object.assign(seen, { redis: withCompression(stock, options) });
    },
    store(options = {}) {
      const host = newHost();
      const { seen, through, onEvent } = observed(host);
      const store = createStore({
        url: host,
        token,
        fetch: through,
        retry: false,
        dictionaries: "auto",
        dictionaryWait: WAIT,
        onEvent,
        ...options,
      } as StoreOptions);
      return Object.assign(seen, { store });
    },
    send,
    async publish(manifest = { version: 1, patterns: [{ pattern: "*", current: first.id }] }) {
      await send(
        ["SET", keyOf(first), textOf(first)],
        ["SET", keyOf(second), textOf(second)],
        ["SET", "zstash:dicts", JSON.stringify(manifest)],
      );
    },
  };
}

/** The commands of a request to the REST API. */
function commandsOf(target: string, { body }: RequestInit): Sent {
  const path = new URL(target).pathname.split("/").filter((part) => part !== "");
  if (path.length > 0 && path[0] !== "pipeline" && path[0] !== "multi-exec")
    return [path.map(decodeURIComponent)];
  const read = JSON.parse(String(body)) as unknown[];
  return (Array.isArray(read[0]) ? read : [read]) as Sent;
}

/** The names and keys of requests, one text each. */
export function briefly(sent: readonly Sent[]): string[] {
  return sent.map((commands) =>
    commands.map(([name, key]) => `${String(name).toUpperCase()} ${String(key)}`).join(", "),
  );
}
