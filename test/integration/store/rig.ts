/** Stores over real HTTP for a test file, what they send and receive, and the bytes that lie in Redis. */
import { connect } from "node:net";
import { afterAll, beforeAll, beforeEach } from "vitest";
import { createDevServer, type DevServer, type DevServerOptions } from "../../../src/dev/index.ts";
import { createStore, type Fetch, type Store, type StoreOptions } from "../../../src/store/index.ts";
import { startRedis, type RedisServer } from "../../support/redis.ts";
import type { Backend } from "../../support/backends.ts";
import { sendingFetch } from "../../support/http/adapters.ts";

/** One request: the command's name, or "pipeline" or "multi-exec", and bytes of the bodies. */
export interface Seen {
  readonly command: string;
  readonly key: string;
  readonly signal: AbortSignal | null | undefined;
  sent: number;
  received: number;
}

/** What may be done to a request: nothing, or wait, or look at its response. */
export type Around = (seen: Seen, forward: () => Promise<Response>) => Promise<Response>;

/** A `fetch` that writes down what passes, over the adapter of this run. */
export class Traffic {
  seen: Seen[] = [];
  flying = 0;
  most = 0;
  around: Around = (_, forward) => forward();

  readonly fetch: Fetch = async (input, init) => {
    const seen = describeRequest(input, init);
    this.seen.push(seen);
    this.flying += 1;
    this.most = Math.max(this.most, this.flying);
    try {
      return await this.around(seen, async () => counted(await sendingFetch(input, init), seen));
    } finally {
      this.flying -= 1;
    }
  };

  /** Names of the commands since the last call. */
  commands(): string[] {
    return this.take().map(({ command }) => command);
  }

  take(): Seen[] {
    const { seen } = this;
    this.seen = [];
    this.most = 0;
    return seen;
  }
}

function describeRequest(input: string, init: RequestInit): Seen {
  const path = new URL(input).pathname.split("/").filter((part) => part !== "");
  const { body, signal } = init;
  const sent = typeof body === "string" ? Buffer.byteLength(body) : (body as Uint8Array).length;
  const [command = "", key = ""] =
    path.length > 0 ? path.map(decodeURIComponent) : (JSON.parse(String(body)) as unknown[]).map(String);
  return { command, key, signal, sent, received: 0 };
}

function counted(response: Response, seen: Seen): Response {
  if (response.body === null) return response;
  const count = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      seen.received += chunk.length;
      controller.enqueue(chunk);
    },
  });
  return new Response(response.body.pipeThrough(count), response);
}

export interface StoreRig {
  readonly url: string;
  readonly token: string;
  readonly traffic: Traffic;
  /** A new store; `traffic` sees its requests. */
  store(options?: Partial<StoreOptions>): Store;
  /** One that knows already what the server can do, so that its requests can be counted. */
  warm(options?: Partial<StoreOptions>): Promise<Store>;
  /** Results of commands that no zstash code takes part in. */
  send(...commands: readonly (readonly (string | number)[])[]): Promise<unknown[]>;
  /** Puts bytes where a SET would. */
  set(key: string, bytes: Uint8Array): Promise<void>;
  /** The bytes that lie there: over Redis' own protocol, where it is Redis. */
  stored(key: string): Promise<Uint8Array>;
  /** Temporary keys with their milliseconds to live. */
  temporary(): Promise<{ readonly key: string; readonly ttl: number }[]>;
}

/** Starts a server before the tests of the enclosing describe block, empties it before each, and ends it. */
export function useStores(backend: Backend, options: DevServerOptions = {}): () => StoreRig {
  let server: DevServer | undefined;
  let redis: RedisServer | undefined;
  let rig: StoreRig | undefined;
  beforeAll(async () => {
    if (backend === "redis-server") redis = await startRedis();
    server = await createDevServer({
      ...options,
      ...(redis === undefined ? { backend } : { redis: redis.url }),
    });
    const { url } = await server.listen();
    rig = rigOf(url, server.token, redis?.port);
  });
  beforeEach(async () => {
    await rig!.send(["FLUSHDB"]);
    rig!.traffic.around = (_, forward) => forward();
    rig!.traffic.take();
  });
  afterAll(async () => {
    await server?.close();
    await redis?.stop();
  });
  return () => rig!;
}

function rigOf(url: string, token: string, redisPort: number | undefined): StoreRig {
  const traffic = new Traffic();
  const headers = { authorization: `Bearer ${token}`, "upstash-encoding": "base64" };
  const post = async (path: string, body: string | Uint8Array): Promise<unknown> =>
    (await fetch(url + path, { method: "POST", headers, body: body as BodyInit })).json();
  const send: StoreRig["send"] = async (...commands) => {
    const replies = (await post("/pipeline", JSON.stringify(commands))) as { result: unknown }[];
    return replies.map(({ result }) => result);
  };
  const store: StoreRig["store"] = (options = {}) =>
    createStore({ url, token, fetch: traffic.fetch, retry: { retries: 1, backoff: () => 0 }, ...options });
  return {
    url,
    token,
    traffic,
    store,
    async warm(options) {
      const made = store(options);
      await made.stat("nothing");
      traffic.take();
      return made;
    },
    send,
    async set(key, bytes) {
      await post(`/set/${encodeURIComponent(key)}`, bytes);
    },
    async stored(key) {
      if (redisPort !== undefined) return redisGet(redisPort, key);
      const [text] = await send(["GET", key]);
      return new Uint8Array(Buffer.from(text as string, "base64"));
    },
    async temporary() {
      const [keys] = (await send(["KEYS", "*:zstash:*"])) as [string[]];
      const names = keys.map((key) => Buffer.from(key, "base64").toString());
      const ttls = await send(["PING"], ...names.map((key) => ["PTTL", key]));
      return names.map((key, index) => ({ key, ttl: ttls[index + 1] as number }));
    },
  };
}

/** GET over a connection of its own. */
function redisGet(port: number, key: string): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let [size, wanted] = [0, Infinity];
    const socket = connect(port, "127.0.0.1");
    socket.once("error", reject);
    socket.on("data", (part) => {
      parts.push(part);
      size += part.length;
      const head = /^\$(-?\d+)\r\n/.exec(parts[0]!.toString("latin1", 0, 20));
      if (head !== null) wanted = head[0].length + Number(head[1]) + 2;
      if (size < wanted) return;
      socket.destroy();
      resolve(new Uint8Array(Buffer.concat(parts).subarray(head![0].length, wanted - 2)));
    });
    socket.write(`*2\r\n$3\r\nGET\r\n$${Buffer.byteLength(key)}\r\n${key}\r\n`);
  });
}

/** The whole of a stream; null stays null. */
export async function drain(stream: ReadableStream<Uint8Array> | null): Promise<Uint8Array | null> {
  return stream === null ? null : new Uint8Array(await new Response(stream as BodyInit).arrayBuffer());
}

/** Resolves when `probe` gives the same for many turns of the event loop: nothing moves any more. */
export async function untilStill(probe: () => unknown): Promise<void> {
  for (let [last, turns] = [probe(), 0]; turns < 300; turns++) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    const now = probe();
    if (now !== last) [last, turns] = [now, 0];
  }
}

/** Resolves when `probe` is true; the test's own time limit bounds it. */
export async function until(probe: () => boolean): Promise<void> {
  while (!probe()) await new Promise((resolve) => setTimeout(resolve, 1));
}
