/** `zstash/redis` beside the stock client in each installed version: its surface, and what comes of every method. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Redis } from "@upstash/redis";
import { read } from "../../support/repository.ts";
import { calls, notCalled, rows, type SdkCall } from "../../support/sdk-calls.ts";
import { loadVersion, sdkVersions, type SdkModules } from "../../support/sdk-versions.ts";
import { connectPair, outcomeOf, startTwo, type TwoServers } from "./rig.ts";

type Callable = Readonly<Record<string, unknown>>;

let servers: TwoServers;
beforeAll(async () => {
  servers = await startTwo();
  return () => servers.close();
});

/**
 * Where a method throws before its command is in an automatic pipeline, SDK 1.34.0 sends the empty pipeline and lets its
 * error go: of the stock client and of ours alike. Everything else that nobody handles is a failure.
 */
const lost: unknown[] = [];
const others = process.listeners("unhandledRejection");
const onLost = (reason: unknown, promise: Promise<unknown>): void => {
  if (reason instanceof Error && reason.message === "Pipeline is empty") lost.push(reason);
  else for (const listener of others) listener.call(process, reason, promise);
};
beforeAll(() => {
  process.removeAllListeners("unhandledRejection");
  process.on("unhandledRejection", onLost);
});
afterAll(() => {
  process.removeListener("unhandledRejection", onLost);
  for (const listener of others) process.on("unhandledRejection", listener);
  // As many of one client as of the other.
  if (lost.length % 2 !== 0) throw new Error(`${lost.length} errors were lost, not as many of each client`);
});

/** The method that a name leads to, bound to what it lies in; undefined where this version has none. */
function methodOf(client: object, name: string): ((...args: unknown[]) => unknown) | undefined {
  const path = name.split(".");
  const holder = path
    .slice(0, -1)
    .reduce<Callable | undefined>(
      (object, part) => object?.[part] as Callable | undefined,
      client as Callable,
    );
  const method = holder?.[path.at(-1)!];
  return typeof method === "function" ? (...args) => method.apply(holder, args) : undefined;
}

/** The names of all methods, those in `json` and the like too, as paths. */
function methodNames(client: Redis): string[] {
  const names = new Set<string>();
  for (let object: object = client; object !== Object.prototype; object = Object.getPrototypeOf(object)) {
    for (const name of Object.getOwnPropertyNames(object)) {
      if (name === "constructor") continue;
      const value = (client as unknown as Callable)[name];
      if (typeof value === "function") names.add(name);
      if (name === "json" || name === "functions")
        for (const inner of Object.keys(value as object)) names.add(`${name}.${inner}`);
    }
  }
  return [...names];
}

const nameOfCall = ([method]: SdkCall): string => method;

describe.each(sdkVersions)("@upstash/redis %s", (version) => {
  let modules: SdkModules;
  beforeAll(async () => {
    modules = await loadVersion(version);
  });
  beforeEach(() => servers.flush());

  test("the same exports, all but the client the SDK's own, and what names errors and modes", () => {
    const { stock, zstash } = modules;
    expect(Object.keys(zstash).sort()).toEqual(
      [...Object.keys(stock), "readMode", "zstashCode", "ZstashError"].sort(),
    );
    for (const [name, value] of Object.entries(stock)) {
      if (name !== "Redis") expect((zstash as Callable)[name], name).toBe(value);
    }
    expect(Object.getPrototypeOf(zstash.Redis)).toBe(stock.Redis);
    expect(Object.getOwnPropertyNames(zstash.Redis).sort()).toEqual(
      Object.getOwnPropertyNames(stock.Redis).sort(),
    );
  });

  test("none of its types has the name of one of zstash's", () => {
    // Of two names that are passed on with a star, TypeScript would pass on neither.
    const declared = read(`test/sdk-versions/node_modules/sdk-${version}/nodejs.d.mts`);
    const listed = [...declared.matchAll(/export (?:type )?\{([^}]*)\}/g)].flatMap(([, list]) =>
      list!.split(","),
    );
    const theirs = listed.map((one) => one.trim().replace(/^.* as |^type /, ""));
    expect(theirs).toContain("Redis");
    const own = read("src/upstash/index.ts") + read("src/index.ts");
    expect(
      theirs.filter((name) =>
        new RegExp(`\\b${name}\\b`).test(own.replace(/\/\*[^]*?\*\/|\/\/.*|"[^"]*"/g, "")),
      ),
    ).toEqual([]);
  });

  test.each([true, false])("the same members, automatic pipelines %s", (enableAutoPipelining) => {
    const { stock, zstash } = connectPair(modules, servers, { enableAutoPipelining });
    // What a matcher would ask of the client, such as its toString, the SDK would send as a command.
    expect([zstash instanceof modules.stock.Redis, zstash instanceof modules.zstash.Redis]).toEqual([
      true,
      true,
    ]);
    expect(Object.keys(zstash).sort()).toEqual(Object.keys(stock).sort());
    expect(methodNames(zstash).sort()).toEqual(methodNames(stock).sort());
  });

  test("every method is called here", () => {
    const { stock } = connectPair(modules, servers, { enableAutoPipelining: false });
    const called = new Set(calls.map(nameOfCall));
    expect(methodNames(stock).filter((name) => !called.has(name) && !notCalled.has(name))).toEqual([]);
  });

  test.each([
    {},
    { enableAutoPipelining: false },
    { enableAutoPipelining: false, responseEncoding: false, automaticDeserialization: false },
    { readYourWrites: false, latencyLogging: false, keepAlive: false, cache: "no-store", retry: false },
  ])("every method gives the same, with %o", async (config) => {
    const { stock, zstash } = connectPair(modules, servers, config);
    let results = 0;
    for (const [method, ...args] of calls) {
      const wanted = methodOf(stock, method);
      if (wanted === undefined) continue;
      const [expected, got] = await Promise.all([
        outcomeOf(() => wanted(...args)),
        outcomeOf(() => methodOf(zstash, method)!(...args)),
      ]);
      expect(got, `${method} ${JSON.stringify(args).slice(0, 60)}`).toEqual(expected);
      if ("result" in expected) results += 1;
    }
    // Older servers lack some; most must have run.
    expect(results).toBeGreaterThan(calls.length / 2);
  });

  test.each(["pipeline", "multi"] as const)("every command in a %s gives the same", async (kind) => {
    const pair = connectPair(modules, servers, { enableAutoPipelining: false });
    const chosen: SdkCall[] = [];
    // Older versions give no results beside an error, so what this server refuses is left out.
    for (const call of calls) {
      const [method, ...args] = call;
      const inBatch = method !== "exec" && methodOf(pair.stock.pipeline(), method) !== undefined;
      if (!inBatch) continue;
      if ("result" in (await outcomeOf(() => methodOf(pair.stock, method)!(...args)))) chosen.push(call);
    }
    expect(chosen.length).toBeGreaterThan(calls.length / 2);
    await servers.flush();
    const run = (client: Redis): Promise<unknown> => {
      const batch = client[kind]();
      for (const [method, ...args] of chosen) methodOf(batch, method)!(...args);
      return batch.exec<unknown[]>();
    };
    const [expected, got] = await Promise.all([run(pair.stock), run(pair.zstash)]);
    expect(got).toEqual(expected);
  });

  test("300 calls at once keep their own answers", async () => {
    for (const enableAutoPipelining of [true, false]) {
      const { zstash } = connectPair(modules, servers, { enableAutoPipelining });
      const indexes = Array.from({ length: 150 }, (_, index) => index);
      await Promise.all(indexes.map((index) => zstash.set(`many ${index}`, [...rows, index])));
      const [values, counts] = await Promise.all([
        Promise.all(indexes.map((index) => zstash.get(`many ${index}`))),
        Promise.all(indexes.map(() => zstash.incr("count"))),
      ]);
      expect(values).toEqual(indexes.map((index) => [...rows, index]));
      expect(new Set(counts).size).toBe(150);
      await servers.flush();
    }
  });

  test("scripts, and what they fail with", async () => {
    const pair = connectPair(modules, servers);
    for (const client of [pair.stock, pair.zstash]) {
      const script = client.createScript<unknown>("return {KEYS[1], ARGV[1]}");
      expect(await script.exec(["k"], ["a"])).toEqual(["k", "a"]);
      expect(await script.eval(["k"], ["a"])).toEqual(["k", "a"]);
      expect(await script.evalsha(["k"], ["a"])).toEqual(["k", "a"]);
    }
    const failing = (client: Redis) =>
      outcomeOf(() => client.createScript("return nonesuch()").exec(["k"], []));
    expect(await failing(pair.zstash)).toEqual(await failing(pair.stock));
  });

  test("bit fields", async () => {
    const pair = connectPair(modules, servers, { enableAutoPipelining: false });
    const run = (client: Redis) =>
      client.bitfield("b").set("u8", 0, 200).get("u8", 0).incrby("u8", 0, 10).exec();
    expect(await run(pair.zstash)).toEqual(await run(pair.stock));
  });

  test("a middleware of before or after sees what it saw, and what it changes is sent", async () => {
    const pair = connectPair(modules, servers);
    const seen: Record<string, unknown[]> = { stock: [], zstash: [] };
    for (const [name, client] of Object.entries(pair) as [keyof typeof seen, Redis][]) {
      for (const prefix of ["tenant:", "app:"]) {
        client.use(async (request, next) => {
          const { path, body } = request;
          seen[name]!.push({ path, body });
          const one = (command: unknown[]): unknown[] => [
            command[0],
            `${prefix}${String(command[1])}`,
            ...command.slice(2),
          ];
          const commands = body as unknown[][];
          const changed = Array.isArray(commands[0]) ? commands.map(one) : one(commands);
          return next({ ...request, body: changed });
        });
      }
      await client.set("doc", rows);
      expect(await client.get("doc")).toEqual(rows);
      await client.multi().set("a", 1).incr("a").exec();
    }
    expect(seen["zstash"]).toEqual(seen["stock"]);
    // The one that was registered last comes first, so its prefix is nearest to the key.
    const { zstash } = connectPair(modules, servers);
    expect((await zstash.keys("*")).sort()).toEqual(["tenant:app:a", "tenant:app:doc"]);
  });
});
