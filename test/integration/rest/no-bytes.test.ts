/** Replies that are no HTTP, over real sockets and both adapters: no error that a caller can print holds their bytes. */
import { Console } from "node:console";
import { PassThrough } from "node:stream";
import { inspect } from "node:util";
import { afterEach, describe, expect, test } from "vitest";
import { Redis } from "../../../src/redis.ts";
import type { Fetch } from "../../../src/rest/exchange.ts";
import { createStore } from "../../../src/store/index.ts";
import { nodeFetch } from "../../support/http/adapters.ts";
import { onRequests, startSocketServer, type SocketServer } from "../../support/http/socket-server.ts";
import { rejection } from "../../support/rejection.ts";

const CANARY = "CANARYVALUE";
const TOKEN = "canarytoken-0123456789";

let server: SocketServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

/** What a program may print of an error. Buffers are also looked through. */
function printed(error: unknown): string {
  const stream = new PassThrough();
  new Console({ stdout: stream }).error(error);
  const seen = new Set<unknown>();
  const bytes: string[] = [];
  const walk = (value: unknown): void => {
    if (typeof value !== "object" || value === null || seen.has(value)) return;
    seen.add(value);
    if (value instanceof Uint8Array) bytes.push(Buffer.from(value).toString("latin1"));
    else for (const key of Reflect.ownKeys(value)) walk((value as Record<PropertyKey, unknown>)[key]);
  };
  walk(error);
  return [
    inspect(error, { depth: 10, showHidden: true }),
    JSON.stringify(error),
    String((error as Error).stack),
    String(stream.read()),
    ...bytes,
  ].join("\n");
}

const head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
const replies: readonly (readonly [what: string, reply: string])[] = [
  ["no HTTP", `NOT HTTP AT ALL ${CANARY}\r\n\r\n`],
  ["a broken chunk size", `${head}transfer-encoding: chunked\r\n\r\n5\r\n{"res\r\nzz ${CANARY}\r\n`],
  ["a broken header", `HTTP/1.1 200 OK\r\n${CANARY} no colon\r\n\r\n`],
  ["two lengths", `${head}content-length: 3\r\ncontent-length: 4${CANARY}\r\n\r\n${CANARY}`],
  ["a body that ends early", `${head}content-length: 5000\r\n\r\n{"result":"${CANARY}`],
  ["JSON that is cut", `${head}content-length: 30\r\n\r\n{"result":"${CANARY}_______`],
];
const fetches: readonly (readonly [string, Fetch])[] = [
  ["node", nodeFetch],
  ["fetch", (input, init) => fetch(input, init)],
  // What a wrapper of somebody's may say.
  ["a fetch that parses", async (input, init) => Response.json(await (await fetch(input, init)).json())],
];

describe.each(fetches)("over %s", (_, send) => {
  test.each(replies)("%s leaves no byte in an error", async (_, reply) => {
    server = await startSocketServer((socket) => onRequests(socket, () => socket.end(reply)));
    const { url } = server;
    const options = { url, token: TOKEN, retry: false, fetch: send } as const;
    for (const enableAutoPipelining of [true, false]) {
      const redis = new Redis({ ...options, enableAutoPipelining, enableTelemetry: false });
      for (const run of [
        () => redis.incr("k"),
        () => redis.get("k"),
        () => redis.set("k", `${CANARY} sent`),
      ]) {
        const text = printed(await rejection(run()));
        expect(text).not.toContain(CANARY);
        expect(text).not.toContain(TOKEN);
      }
    }
    const text = printed(await rejection(createStore(options).getBytes("k")));
    expect(text).not.toContain(CANARY);
    expect(text).not.toContain(TOKEN);
  });
});
