/**
 * Servers that cannot be reached or do not run a request, over real sockets: what has certainly not run is repeated whatever
 * it is, runs once, and fails in the same way alone and among others.
 */
import { createServer as createHttpServer, type Server } from "node:http";
import { connect, createServer, type AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadZstd } from "../../../src/index.ts";
import { ZstashError } from "../../../src/errors.ts";
import { Redis, type Fetch } from "../../../src/redis.ts";
import {
  zstashCode,
  type EventListener,
  type RetryOptions,
  type ZstashEvent,
} from "../../../src/upstash/index.ts";
import { leaks, loggedText } from "../../support/faults/judge.ts";
import { CANARY, TOKEN } from "../../support/faults/operations.ts";
import { startRig, type FaultRig } from "./rig.ts";

const zstd = await loadZstd();
let rig: FaultRig;
beforeAll(async () => {
  rig = await startRig();
});
afterAll(() => rig.close());

interface ClientOptions {
  readonly retry?: RetryOptions | false;
  readonly onEvent?: EventListener;
}

function clientOf(url: string, { retry = false, onEvent }: ClientOptions = {}, autoPipelining = true): Redis {
  return new Redis({
    url,
    token: TOKEN,
    enableTelemetry: false,
    enableAutoPipelining: autoPipelining,
    retry,
    compression: { zstd, ...(onEvent && { onEvent }) },
  });
}

async function failure(run: () => Promise<unknown>): Promise<Error> {
  try {
    await run();
  } catch (error) {
    return error as Error;
  }
  throw new Error("expected a rejection");
}

/** A port at which nobody listens. */
async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listening(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function listening(server: ReturnType<typeof createServer> | Server, port = 0): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
}

const operations: Readonly<Record<string, (redis: Redis, key: string) => Promise<unknown>>> = {
  get: (redis, key) => redis.get(key),
  set: (redis, key) => redis.set(key, `${CANARY} `.repeat(500)),
  incr: (redis, key) => redis.incr(key),
  del: (redis, key) => redis.del(key),
  hset: (redis, key) => redis.hset(key, { a: 1 }),
  lpush: (redis, key) => redis.lpush(key, CANARY),
  "set nx": (redis, key) => redis.set(key, CANARY, { nx: true }),
  "get and incr": (redis, key) => Promise.all([redis.get(`${key}:g`), redis.incr(key)]),
  multi: (redis, key) => redis.multi().set(`${key}:m`, 1).incr(key).exec(),
};

describe("a server that is not there yet", () => {
  test.each(Object.keys(operations))("%s is carried out once, when it comes", async (name) => {
    const port = await freePort();
    const events: ZstashEvent[] = [];
    const key = rig.key();
    const tunnel = createServer((socket) => {
      const up = connect(rig.port, "127.0.0.1");
      socket.pipe(up).pipe(socket);
      socket.on("error", () => up.destroy());
      up.on("error", () => socket.destroy());
    });
    // Until the request has failed twice nobody is there.
    const redis = clientOf(`http://127.0.0.1:${port}`, {
      retry: { retries: 100, backoff: () => 10 },
      onEvent: (event) => {
        events.push(event);
        if (event.type === "retry" && event.attempt === 2) tunnel.listen(port, "127.0.0.1");
      },
    });
    try {
      const result = await operations[name]!(redis, key);
      const clean = clientOf(rig.url);
      const expected = await operations[name]!(clean, rig.key());
      expect(result).toEqual(expected);
      if (/incr|multi/.test(name)) expect(await clean.get(key)).toBe(1);
      if (name === "lpush") expect(await clean.llen(key)).toBe(1);
      const retries = events.filter((event) => event.type === "retry");
      expect(retries.length).toBeGreaterThanOrEqual(2);
      expect(retries[0]).toMatchObject({ attempt: 1, wait: 10, code: "REDIS", effect: "none" });
      expect(leaks(JSON.stringify(retries))).toEqual([]);
    } finally {
      tunnel.close();
    }
  });

  test("is an error that says that nothing has run, without a value or the token", async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    for (const operation of Object.values(operations)) {
      const error = await failure(() => operation(clientOf(url), "k"));
      expect(error).toBeInstanceOf(ZstashError);
      expect(error).toMatchObject({ code: "REDIS", effect: "none" });
      expect(error.message).toContain("nothing has run");
      expect(leaks(loggedText(error))).toEqual([]);
    }
  });
});

test("a server that speaks no TLS has read nothing, over both adapters", async () => {
  const server = createHttpServer((_, answer) => answer.end("{}"));
  const port = await listening(server);
  try {
    for (const send of [undefined, ((input, init) => fetch(input, init)) satisfies Fetch]) {
      const url = `https://127.0.0.1:${port}`;
      const redis = new Redis({ url, token: TOKEN, retry: false, ...(send && { fetch: send }) });
      const error = await failure(() => redis.lpush("k", CANARY));
      expect(error).toMatchObject({ code: "REDIS", effect: "none" });
      expect(error.message).toMatch(
        /no connection could be made \(\w+\): check "url" \(\w+\); nothing has run/,
      );
      expect(leaks(loggedText(error))).toEqual([]);
    }
  } finally {
    server.close();
  }
});

describe("a refusal", () => {
  const echo = `'${CANARY}' ${TOKEN}`;
  const refusals: readonly [name: string, status: number, body: string][] = [
    ["daily limit", 400, '{"error":"ERR max daily request limit exceeded. Limit: 10000, Usage: 10000."}'],
    [
      "unknown command",
      400,
      JSON.stringify({ error: `ERR unknown command 'FOO', with args beginning with: ${echo}` }),
    ],
    ["echo", 400, JSON.stringify({ error: `ERR odd argument ${CANARY} of ${TOKEN}` })],
    ["token", 401, JSON.stringify({ error: `WRONGPASS invalid or missing auth token ${TOKEN}` })],
    ["rate limit", 429, JSON.stringify({ error: `slow down, ${CANARY}` })],
    ["page", 503, `<html>busy ${CANARY}</html>`],
    ["page that refuses", 400, `<html>${CANARY}</html>`],
    ["nothing", 400, ""],
  ];
  let answer: (typeof refusals)[number] = refusals[0]!;
  let server: Server;
  let url: string;
  beforeAll(async () => {
    server = createHttpServer((incoming, outgoing) => {
      incoming.resume();
      incoming.on("end", () =>
        outgoing.writeHead(answer[1], { "content-type": "application/json" }).end(answer[2]),
      );
    });
    url = `http://127.0.0.1:${await listening(server)}`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  test.each(refusals)(
    "%s: one class and one text, alone and among others, and no argument in it",
    async (...refusal) => {
      answer = refusal;
      const ways: Readonly<Record<string, (redis: Redis) => Promise<unknown>>> = {
        "one read": (redis) => redis.get(CANARY),
        "two reads": (redis) => Promise.all([redis.get(CANARY), redis.get("b")]),
        "one write": (redis) => redis.hset("h", { a: CANARY }),
        "a large write": (redis) => redis.set("s", `${CANARY} `.repeat(500)),
        "two writes": (redis) =>
          Promise.all([redis.set("s", `${CANARY} `.repeat(500)), redis.lpush("l", CANARY)]),
        "read and write": (redis) => Promise.all([redis.get(CANARY), redis.incr(CANARY)]),
      };
      const seen = new Map<string, string>();
      for (const [name, run] of Object.entries(ways)) {
        // A server cannot quote the text of a frame.
        if (name === "a large write" && refusal[2].includes(CANARY)) continue;
        const error = await failure(() => run(clientOf(url)));
        expect(leaks(loggedText(error)), name).toEqual([]);
        const text = error.message.replace("; whether the command has run is unknown", "");
        seen.set(name, `${error.constructor.name} ${zstashCode(error)} ${text}`);
      }
      expect(new Set(seen.values()), JSON.stringify([...seen], null, 1)).toHaveProperty("size", 1);
      // What the SDK makes of pipelines and transactions repeats no argument either.
      for (const autoPipelining of [true, false]) {
        for (const run of [
          (redis: Redis) => redis.pipeline().set("a", CANARY).get("b").exec(),
          (redis: Redis) => redis.multi().set("a", CANARY).get("b").exec(),
          (redis: Redis) => redis.eval("return 1", [], [CANARY]),
          (redis: Redis) => redis.set("a", CANARY),
        ]) {
          const error = await failure(() => run(clientOf(url, {}, autoPipelining)));
          expect(leaks(loggedText(error))).toEqual([]);
        }
        const kept = clientOf(url, {}, autoPipelining).pipeline().set("a", CANARY).exec({ keepErrors: true });
        expect(leaks(loggedText(await kept.catch((error: unknown) => error)))).toEqual([]);
      }
    },
  );

  test("of a size has our code, alone and among others", async () => {
    answer = ["record", 400, '{"error":"ERR max single record size exceeded. Limit: 1 bytes"}'];
    const redis = clientOf(url);
    expect(zstashCode(await failure(() => redis.set("a", "x")))).toBe("RECORD_LIMIT");
    expect(zstashCode(await failure(() => Promise.all([redis.set("a", "x"), redis.get("b")])))).toBe(
      "RECORD_LIMIT",
    );
  });
});
