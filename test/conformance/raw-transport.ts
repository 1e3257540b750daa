/** How the raw carrier's requests travel: what fails, what is repeated, and what the server may lack. */
import type { Fetch } from "../../src/upstash/index.ts";
import type { Case } from "./case.ts";
import { equal, fail } from "./case.ts";
import { rejection, rows, same, sameFields, upstashCase, type Scene } from "./upstash-case.ts";

function transportCase(name: string, run: (scene: Scene) => Promise<void>): Case {
  return upstashCase(`raw transport: ${name}`, run);
}

export const rawTransportCases: readonly Case[] = [
  transportCase(
    "the sync token is the client's, and goes with the next request",
    async ({ server, wrap }) => {
      const sent: (string | null)[] = [];
      const recording: Fetch = (input, init) => {
        sent.push(new Headers(init.headers).get("upstash-sync-token"));
        return fetch(input, init);
      };
      const redis = wrap("raw", { fetch: recording });
      await redis.set("key", rows);
      const first = redis.readYourWritesSyncToken;
      equal(typeof first === "string" && first.length > 0, true, "it is there after a write");
      await redis.get("key");
      await redis.mget("key");
      const second = redis.readYourWritesSyncToken;
      equal(second !== first && typeof second === "string", true, "it has changed");
      equal(sent.length, 3, `requests to ${server.url}`);
      equal(sent[0], null, "none with the first request");
      equal(sent[1], first ?? "", "the first one with the second request");
    },
  ),
  transportCase("a signal ends a request", async ({ server, wrap }) => {
    const controller = new AbortController();
    const reason = new Error("by intent");
    let requests = 0;
    const aborting: Fetch = (input, init) => {
      const answer = fetch(input, init);
      requests += 1;
      controller.abort(reason);
      return answer;
    };
    const redis = wrap("raw", { signal: controller.signal, fetch: aborting });
    equal(await rejection("while it runs", redis.get("key")), reason, "while it runs");
    equal(await rejection("before it runs", redis.get("key")), reason, "before it runs");
    equal(requests, 1, `requests to ${server.url}`);
    equal(await wrap("raw").get("key"), null, "another client goes on");
  }),
  transportCase(
    "a wrong token and a server that is not there are REDIS",
    async ({ context, server, wrap }) => {
      const { ZstashError } = context;
      const refused = await rejection("a wrong token", wrap("raw", { token: "wrong" }).get("key"));
      if (!(refused instanceof ZstashError)) return fail(`a wrong token: ${String(refused)}`);
      equal(refused.code, "REDIS", "a wrong token");
      equal(refused.status, 401, "its status");
      const lonely = wrap("raw", { url: "http://127.0.0.1:1", retry: false });
      const lost = await rejection("no server", lonely.get("key"));
      if (!(lost instanceof ZstashError)) return fail(`no server: ${String(lost)}`);
      equal(lost.code, "REDIS", "no server");
      equal(String(lost).includes(server.token), false, "no token in the message");
    },
  ),
  transportCase("every request takes its own transport", async ({ createDevServer, server, wrap, plain }) => {
    const inside = await createDevServer({ backend: "embedded", token: server.token });
    try {
      // The client itself is one of the other server, which must stay empty.
      const redis = wrap("raw", { fetch: (input, init) => inside.fetch(new Request(input, init)) });
      await redis.set("key", rows);
      same(await redis.get("key"), rows, "a value");
      const batch = redis.multi();
      batch.hset("hash", { field: rows, number: 1 });
      batch.hgetall("hash");
      sameFields(
        (await batch.exec<Record<string, unknown>[]>())[1]!,
        { field: rows, number: 1 },
        "a transaction",
      );
      equal(await redis.incr("counter"), 1, "no value");
      equal(await redis.dbsize(), 3, "keys in this process");
      equal(await plain.dbsize(), 0, "keys elsewhere");
    } finally {
      await inside.close();
    }
  }),
  transportCase("a lost reply is asked for again where that is safe", async ({ context, wrap }) => {
    let losses = 0;
    const losing: Fetch = async (input, init) => {
      const response = await fetch(input, init);
      if (losses === 0) return response;
      losses -= 1;
      await response.arrayBuffer();
      throw new TypeError("the connection is lost");
    };
    const redis = wrap("raw", { fetch: losing, retry: { retries: 2, backoff: () => 0 } });
    losses = 1;
    equal(await redis.set("key", rows), "OK", "SET");
    losses = 2;
    same(await redis.get("key"), rows, "GET");
    losses = 1;
    const lost = await rejection("INCR", redis.incr("counter"));
    equal(lost instanceof context.ZstashError && lost.code, "REDIS", "INCR");
    equal(await redis.incr("counter"), 2, "it has run once");
    losses = 3;
    await rejection("too many", redis.get("key"));
    same(await redis.get("key"), rows, "the next call");
  }),
  transportCase("a server that is busy is asked again", async ({ wrap }) => {
    const statuses = [503, 429];
    const busy: Fetch = async (input, init) => {
      const status = statuses.pop();
      return status === undefined ? fetch(input, init) : new Response("<html>", { status });
    };
    const redis = wrap("raw", { fetch: busy, retry: { backoff: () => 0 } });
    equal(await redis.set("key", rows), "OK", "set");
    equal(statuses.length, 0, "both answers were read");
    same(await redis.get("key"), rows, "get");
  }),
  transportCase("a server that never answers is TIMEOUT", async (scene) => {
    const silent = scene.wrap("raw", { fetch: () => new Promise(() => {}), timeout: 20 });
    const error = await rejection("no answer", silent.get("key"));
    equal(scene.zstashCode(error), "TIMEOUT", "no answer");
    const redis = scene.wrap("raw", { timeout: 30_000 });
    await redis.set("key", rows);
    same(await redis.get("key"), rows, "one that answers in time");
  }),
  transportCase("a command's own failure is the client's error", async (scene) => {
    const redis = scene.wrap("raw", {}, { autoPipelining: false });
    await redis.set("key", rows);
    const error = await rejection("HGET", redis.hget("key", "field"));
    equal((error as Error).name, "UpstashError", "its name");
    equal(String(error).includes("WRONGTYPE"), true, String(error).slice(0, 100));
    equal(scene.zstashCode(error), undefined, "no code of ours");
    const batch = redis.pipeline();
    batch.hget("key", "field");
    batch.get("key");
    const [failed, good] = await batch.exec<unknown[]>({ keepErrors: true });
    equal(failed!.error?.includes("WRONGTYPE"), true, "in a pipeline");
    same(good!.result, rows, "the other command");
  }),
  transportCase(
    "a server without RESP2, raw bodies or sync tokens",
    async ({ createDevServer, wrap, server }) => {
      for (const lacking of [
        { noResp2: true },
        { noRawBody: true },
        { noSyncToken: true },
        { noResp2: true, noRawBody: true, noSyncToken: true },
      ]) {
        const inside = await createDevServer({ backend: "embedded", token: server.token, ...lacking });
        try {
          const redis = wrap("raw", { fetch: (input, init) => inside.fetch(new Request(input, init)) });
          const about = JSON.stringify(lacking);
          await redis.set("key", rows, { ex: 60 });
          same(await redis.get("key"), rows, about);
          await redis.hset("hash", { field: rows });
          sameFields(await redis.hgetall("hash"), { field: rows }, about);
          same(await redis.mget("key", "none"), [rows, null], about);
        } finally {
          await inside.close();
        }
      }
    },
  ),
];
