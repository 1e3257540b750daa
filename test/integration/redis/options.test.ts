/** The options of `zstash/redis` beside those of the stock client: what is sent, how often, and what a failure looks like. */
import type { Redis } from "@upstash/redis";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { rows } from "../../support/sdk-calls.ts";
import { loadVersion, sdkVersions, type SdkModules } from "../../support/sdk-versions.ts";
import { rejection } from "../../support/rejection.ts";
import { connectPair, outcomeOf, startTwo, type Pair, type TwoServers } from "./rig.ts";

interface Sent {
  readonly url: string;
  readonly init: RequestInit & Readonly<Record<string, unknown>>;
  readonly headers: Headers;
}

let servers: TwoServers;
beforeAll(async () => {
  servers = await startTwo();
  return () => servers.close();
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

/** Every request from here on, whoever sends it. */
function record(answer?: () => Promise<Response>): Sent[] {
  const sent: Sent[] = [];
  const platform = globalThis.fetch;
  vi.spyOn(globalThis, "fetch").mockImplementation((input, init = {}) => {
    const given = init as Sent["init"];
    sent.push({ url: String(input), init: given, headers: new Headers(init.headers) });
    return answer === undefined ? platform(input, init) : answer();
  });
  return sent;
}

/** Does the same with both clients of a pair, the stock client first. */
async function both<T>(
  { stock, zstash }: Pair,
  work: (client: Redis) => T,
): Promise<[Awaited<T>, Awaited<T>]> {
  return [await work(stock), await work(zstash)];
}

const older = (version: string, than: string): boolean =>
  version.localeCompare(than, "en", { numeric: true }) < 0;

describe.each(sdkVersions)("@upstash/redis %s", (version) => {
  let modules: SdkModules;
  beforeAll(async () => {
    modules = await loadVersion(version);
  });
  beforeEach(() => servers.flush());
  const pair = (config: object = {}): Pair => connectPair(modules, servers, config);

  test("cache, agent and keepAlive reach fetch", async () => {
    const agent = { name: "agent" };
    const clients = pair({ cache: "force-cache", agent, keepAlive: true });
    const sent = record();
    await both(clients, (client) => client.get("k"));
    for (const name of ["cache", "agent", "keepalive"]) {
      expect(sent[1]!.init[name], name).toBe(sent[0]!.init[name]);
      expect(sent[1]!.init[name]).toBeDefined();
    }
  });

  test("telemetry names the platform as the SDK does, and zstash", async () => {
    vi.stubEnv("VERCEL", "1");
    const sent = record();
    await both(pair({ enableTelemetry: true }), (client) => client.get("k"));
    for (const name of ["runtime", "platform"]) {
      const [stock, zstash] = sent.map(({ headers }) => headers.get(`upstash-telemetry-${name}`));
      expect(zstash, name).toBe(stock);
    }
    expect(sent[0]!.headers.get("upstash-telemetry-sdk")).toMatch(/^@upstash\/redis@/);
    expect(sent[1]!.headers.get("upstash-telemetry-sdk")).toMatch(/^zstash@/);
  });

  test("telemetry is off where it is turned off, and a library adds its own", async () => {
    const sent = record();
    const { zstash } = pair({ enableTelemetry: true });
    const own = (client: Redis, sdk: string): void =>
      (client as unknown as { addTelemetry(telemetry: object): void }).addTelemetry({ sdk });
    own(zstash, "library@1");
    own(zstash, "library@1");
    await zstash.get("k");
    expect(sent[0]!.headers.get("upstash-telemetry-sdk")).toMatch(/^zstash@[^,]*,library@1$/);
    const off = pair().zstash;
    own(off, "library@1");
    await off.get("k");
    expect([...sent[1]!.headers.keys()].filter((name) => name.includes("telemetry"))).toEqual([]);
    vi.stubEnv("UPSTASH_DISABLE_TELEMETRY", "1");
    await new modules.zstash.Redis(servers.second).get("k");
    expect([...sent[2]!.headers.keys()].filter((name) => name.includes("telemetry"))).toEqual([]);
  });

  test("a repeat says which it is where the telemetry is on, as the SDK's does since 1.38", async () => {
    const sent = record(() =>
      Promise.reject(new TypeError("fetch failed", { cause: { code: "ECONNREFUSED" } })),
    );
    const config = { retry: { retries: 2, backoff: () => 0 } };
    const numbers = (of: readonly Sent[]): (string | null)[] =>
      of.map(({ headers }) => headers.get("upstash-telemetry-retry"));
    const { stock, zstash } = pair({ enableTelemetry: true, ...config });
    await rejection(Promise.resolve(stock.get("k")));
    const ofStock = numbers(sent.splice(0));
    expect(ofStock).toEqual(older(version, "1.38.3") ? [null, null, null] : [null, "1", "2"]);
    await rejection(Promise.resolve(zstash.get("k")));
    expect(numbers(sent.splice(0))).toEqual([null, "1", "2"]);
    await rejection(Promise.resolve(pair(config).zstash.get("k")));
    expect(numbers(sent)).toEqual([null, null, null]);
  });

  test("retry repeats as often, with its own pauses", async () => {
    const paused: number[] = [];
    const backoff = (retry: number): number => {
      paused.push(retry);
      return 0;
    };
    const sent = record(() => Promise.reject(new TypeError("fetch failed")));
    const [stock, zstash] = await both(pair({ retry: { retries: 2, backoff } }), (client) =>
      rejection(client.get("k")),
    );
    expect(sent).toHaveLength(6);
    expect(paused.slice(-2)).toEqual([0, 1]);
    expect(zstash).toMatchObject({ name: "ZstashError", code: "REDIS", cause: { message: stock.message } });
    await rejection(pair({ retry: { retries: 0 } }).zstash.get("k"));
    await rejection(pair({ retry: false }).zstash.get("k"));
    expect(sent).toHaveLength(8);
  });

  test("latencyLogging writes a line for each command", async () => {
    const lines: string[] = [];
    vi.spyOn(console, "log").mockImplementation(
      (line: string) => void lines.push(line.replace(/[\d.]+ ms/, "ms")),
    );
    await both(pair({ latencyLogging: true, enableAutoPipelining: false }), (client) => client.get("k"));
    expect(lines[0]).toContain("GET");
    expect(lines[1]?.replace(/\[\d+m\d/g, "")).toBe(lines[0]!.replace(/\[\d+m\d/g, ""));
  });

  test.each([true, false])("a signal as a function, automatic pipelines %s", async (enableAutoPipelining) => {
    const reason = new Error("by intent");
    const controller = new AbortController();
    let asked = 0;
    const signal = (): AbortSignal => {
      asked += 1;
      return controller.signal;
    };
    const { stock, zstash } = pair({ signal, enableAutoPipelining, retry: false });
    expect(await zstash.set("k", rows)).toBe("OK");
    expect(asked).toBe(1);
    controller.abort(reason);
    expect(await rejection(zstash.get("k"))).toBe(reason);
    // Before, it took a signal as a value alone.
    if (!older(version, "1.36.4")) expect(await rejection(stock.get("k"))).toBe(reason);
  });

  test("a signal as a value rejects with its reason, where the SDK resolves with rubbish", async () => {
    const reason = new Error("by intent");
    const controller = new AbortController();
    const { zstash } = pair({ signal: controller.signal });
    expect(await zstash.set("k", rows)).toBe("OK");
    expect(await zstash.get("k")).toEqual(rows);
    controller.abort(reason);
    expect(await rejection(zstash.get("k"))).toBe(reason);
  });

  test("what a server refuses is of the SDK's class, and says more", async () => {
    const page = (): Promise<Response> => Promise.resolve(new Response("<html>hunter2", { status: 502 }));
    const clients: Pair = {
      stock: new modules.stock.Redis({ ...servers.first, token: "wrong", retry: false }),
      zstash: new modules.zstash.Redis({ ...servers.second, token: "wrong", retry: false }),
    };
    const [stock, zstash] = await both(clients, (client) => outcomeOf(() => client.set("k", "hunter2")));
    const { name, message } = stock as Error;
    // That nothing has run is in `effect` alone.
    expect(zstash).toEqual({ name, message: `${message}: check "token" (UPSTASH_REDIS_REST_TOKEN)` });
    const error = await rejection(clients.zstash.set("k", "hunter2"));
    expect(error).toBeInstanceOf(modules.stock.errors.UpstashError);
    expect(error).toMatchObject({ code: "REDIS", status: 401, effect: "none" });
    expect(String(error)).not.toContain("hunter2");
    record(page);
    const [pageStock, pageZstash] = await both(clients, (client) => rejection(client.get("k")));
    expect(pageZstash).toMatchObject({ code: "REDIS", status: 502, effect: "unknown" });
    expect(String(pageZstash)).not.toContain("hunter2");
    // Before it had a class for it, the SDK threw the error of JSON.parse.
    if ("UpstashJSONParseError" in modules.stock.errors) {
      expect(pageStock).toBeInstanceOf(modules.stock.errors.UpstashJSONParseError);
      expect(pageZstash).toBeInstanceOf(modules.stock.errors.UpstashJSONParseError);
      // What may not run twice says so behind the server's answer.
      expect(await rejection(clients.zstash.incr("n"))).toBeInstanceOf(
        modules.stock.errors.UpstashJSONParseError,
      );
    }
  });

  test("a transaction that the server refuses fails as the SDK's does", async () => {
    const clients = pair();
    const refused = (client: Redis): Promise<unknown> => {
      // Without a key it is refused before it is queued.
      return client.multi().mset({}).incr("n").exec();
    };
    const [stock, zstash] = await both(clients, (client) => outcomeOf(() => refused(client)));
    expect(zstash).toEqual(stock);
    expect(zstash).toMatchObject({ name: "UpstashError", message: expect.stringContaining("EXECABORT") });
    const error = await rejection(refused(clients.zstash));
    expect(error).toBeInstanceOf(modules.stock.errors.UpstashError);
    expect(error).toMatchObject({ code: "REDIS", status: 400 });
    // Some servers answer so with 200.
    const text = "EXECABORT Transaction discarded because of previous errors.";
    record(() => Promise.resolve(Response.json({ error: text })));
    const answered = await rejection(refused(clients.zstash));
    expect(answered).toBeInstanceOf(modules.stock.errors.UpstashError);
    expect(answered).toMatchObject({ code: "REDIS", status: 200, message: text });
  });

  test("what is no reply is of the same class, whatever the command and whether it may run twice", async () => {
    const { UpstashJSONParseError, UpstashError } = modules.stock.errors;
    const html = "<html>hunter2";
    const json = '{"message":"no route"}';
    const answers: readonly (readonly [body: string | null, status: number])[] = [
      ...[400, 408, 413, 429, 500, 502, 503].flatMap((status) => [
        [html, status] as const,
        ["", status] as const,
      ]),
      ...([
        [json, 502],
        [json, 400],
        ["null", 500],
      ] as const),
      ...([
        [html, 200],
        ["", 200],
        [null, 204],
        ['{"result":', 200],
        ["plain", 200],
      ] as const),
    ];
    const shapes: readonly ((client: Redis) => unknown)[] = [
      (client) => client.get("k"),
      (client) => client.set("k", rows),
      (client) => client.incr("k"),
      (client) => client.setnx("k", rows),
      (client) => client.pipeline().incr("k").get("k").exec(),
      (client) => client.multi().set("k", "v").exec(),
    ];
    for (const [body, status] of answers) {
      record(() => Promise.resolve(new Response(body, { status })));
      for (const enableAutoPipelining of [true, false]) {
        const clients = pair({ enableAutoPipelining, retry: false });
        for (const [index, shape] of shapes.entries()) {
          const [stock, zstash] = await both(clients, async (client) =>
            rejection(shape(client) as Promise<unknown>),
          );
          const at = `${status} ${body?.slice(0, 6)} ${index}`;
          expect(zstash, at).toMatchObject({ effect: expect.stringMatching(/none|unknown/) as unknown });
          expect(String(zstash)).not.toContain("hunter2");
          // A TypeError of the SDK's is a body that it took for a reply.
          if (!(stock instanceof UpstashError)) continue;
          expect((zstash as Error).name, at).toBe((stock as Error).name);
          expect(zstash, at).toBeInstanceOf(
            (stock as Error).name === "UpstashError" ? UpstashError : UpstashJSONParseError,
          );
        }
      }
      vi.restoreAllMocks();
    }
  });

  test("fromEnv reads the variables of the process, and of a Worker's env", async () => {
    const { Redis } = modules.zstash;
    const { url, token } = servers.second;
    vi.stubEnv("UPSTASH_REDIS_REST_URL", url);
    vi.stubEnv("UPSTASH_REDIS_REST_TOKEN", token);
    await Redis.fromEnv().set("k", rows);
    expect(await Redis.fromEnv({ enableAutoPipelining: false }).get("k")).toEqual(rows);
    expect(Redis.fromEnv()).toSatisfy((client: object) => client instanceof Redis);
    vi.stubEnv("UPSTASH_REDIS_REST_URL", "");
    vi.stubEnv("UPSTASH_REDIS_REST_TOKEN", "");
    vi.stubEnv("KV_REST_API_URL", url);
    vi.stubEnv("KV_REST_API_TOKEN", token);
    expect(await Redis.fromEnv().get("k")).toEqual(rows);
    vi.unstubAllEnvs();
    const sent = record();
    const env = { KV_REST_API_URL: url, KV_REST_API_TOKEN: token, UPSTASH_DISABLE_TELEMETRY: "1", OTHER: {} };
    expect(await Redis.fromEnv(env, { automaticDeserialization: false }).get("k")).toBe(JSON.stringify(rows));
    expect(sent[0]!.headers.get("upstash-telemetry-sdk")).toBeNull();
    expect(() => Redis.fromEnv()).toThrow(/UPSTASH_REDIS_REST_URL is not set.*Redis\.fromEnv\(env\)/);
    expect(() => Redis.fromEnv({ UPSTASH_REDIS_REST_URL: url })).toThrow(
      /UPSTASH_REDIS_REST_TOKEN is not set/,
    );
  });

  test("fromEnv takes an empty object alone for options, as the SDK does, and for an env if options follow", async () => {
    const { Redis } = modules.zstash;
    const { url, token } = servers.second;
    vi.stubEnv("UPSTASH_REDIS_REST_URL", url);
    vi.stubEnv("UPSTASH_REDIS_REST_TOKEN", token);
    await Redis.fromEnv({}).set("empty", rows);
    expect(await modules.stock.Redis.fromEnv({}).exists("empty")).toBe(1);
    expect(() => Redis.fromEnv({}, {})).toThrow(/UPSTASH_REDIS_REST_URL is not set/);
    vi.unstubAllEnvs();
  });

  test("the sync token goes with the next request, and from client to client", async () => {
    const sent = record();
    const [first, second] = [pair().zstash, pair().zstash];
    const tokens = (): (string | null)[] => sent.map(({ headers }) => headers.get("upstash-sync-token"));
    await first.set("k", rows);
    const token = (first as { readYourWritesSyncToken?: string }).readYourWritesSyncToken;
    await first.get("k");
    if (older(version, "1.34.9")) return;
    expect(token).toMatch(/./);
    expect(tokens()).toEqual([null, token]);
    second.readYourWritesSyncToken = first.readYourWritesSyncToken;
    await second.get("k");
    expect(tokens()[2]).not.toBe(token);
    expect(tokens()[2]).toMatch(/./);
    const without = pair({ readYourWrites: false }).zstash;
    await without.set("k", rows);
    await without.get("k");
    expect(tokens().slice(3)).toEqual([null, null]);
  });

  test.runIf(!older(version, "1.34.9"))("subscriptions hear what is published, until they end", async () => {
    const hear = async (client: Redis): Promise<unknown[]> => {
      const heard: unknown[] = [];
      const one = client.subscribe<unknown>("news/of the day");
      const many = client.psubscribe<unknown>("news*");
      one.on("message", (message) => heard.push(["one", message]));
      many.on("pmessage", (message) => heard.push(["many", message]));
      const ready = Promise.all([
        new Promise<void>((resolve) => one.on("subscribe", () => resolve())),
        new Promise<void>((resolve) => many.on("psubscribe", () => resolve())),
      ]);
      await ready;
      await client.publish("news/of the day", { rows });
      await vi.waitFor(() => expect(heard).toHaveLength(2));
      await Promise.all([one.unsubscribe(), many.unsubscribe()]);
      return heard.sort((a, b) => String(a).localeCompare(String(b)));
    };
    // The SDK sends a channel's name as it is: with a slash in it, it is no channel.
    const heard = await hear(pair().zstash);
    expect(heard).toEqual([
      ["many", { pattern: "news*", channel: "news/of the day", message: { rows } }],
      ["one", { channel: "news/of the day", message: { rows } }],
    ]);
  });

  test.runIf(!older(version, "1.34.9"))(
    "a subscription that is refused is an error of the SDK's class",
    async () => {
      const client = new modules.zstash.Redis({ ...servers.second, token: "wrong" });
      const error = await new Promise((resolve) => client.subscribe("c").on("error", resolve));
      expect(error).toBeInstanceOf(modules.stock.errors.UpstashError);
      expect(error).toMatchObject({ status: 401 });
    },
  );
});
