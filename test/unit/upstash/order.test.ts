/** Requests on the same keys stay in their order, also where one of them waits for the codec or is large. */
import { beforeAll, describe, expect, test, vi } from "vitest";
import { loadZstd, type Zstd } from "../../../src/codec/zstd.ts";
import { RequestOrder } from "../../../src/upstash/order.ts";
import {
  compressionMiddleware,
  type CommandRequest,
  type CompressionOptions,
  type SendRequest,
} from "../../../src/upstash/index.ts";
import type * as Timers from "../../../src/timers.ts";
import { CodecLoader } from "../../../src/value/codec-loader.ts";

const host = vi.hoisted(() => ({ silent: false }));
vi.mock("../../../src/timers.ts", async (original) => {
  const timers = await original<typeof Timers>();
  const every: typeof timers.every = (...work) => (host.silent ? () => {} : timers.every(...work));
  return { ...timers, every };
});

const small = JSON.stringify(Array.from({ length: 150 }, (_, id) => ({ id, name: `name ${id % 7}` })));
const large = JSON.stringify(Array.from({ length: 90_000 }, (_, id) => ({ id, name: `name ${id % 7}` })));
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

let zstd: Zstd;
beforeAll(async () => {
  zstd = await loadZstd();
});

/** A middleware that notes the commands in the order in which they are sent. */
function link(options: CompressionOptions) {
  const sent: string[] = [];
  const next: SendRequest = async ({ body }: CommandRequest) => {
    const commands = (Array.isArray((body as unknown[])[0]) ? body : [body]) as readonly unknown[][];
    for (const command of commands)
      sent.push(command.slice(0, command[0] === "set" ? 2 : undefined).join(" "));
    return (commands[0] === body ? { result: null } : commands.map(() => ({ result: null }))) as never;
  };
  const middleware = compressionMiddleware(options);
  return { sent, send: (...body: unknown[]) => middleware({ body }, next) };
}

/** A codec that is there after a while. */
const slowly = (ms: number) => async (): Promise<Zstd> => {
  await pause(ms);
  return zstd;
};

describe("while the codec loads", () => {
  test("no later request overtakes one on the same key, and others pass", async () => {
    const { send, sent } = link({ zstd: slowly(60) });
    const requests = [
      send("set", "a", small),
      send("set", "a", "later"),
      send("get", "a"),
      send("del", "b", "a"),
      send("get", "b"),
      send("get", "c"),
      send("mset", "x", "1", "a", "2"),
      send("dbsize"),
    ];
    await Promise.all(requests);
    expect(sent[0]).toBe("get c");
    const order = ["set a", "set a", "get a", "del b a", "get b", "mset x 1 a 2", "dbsize"];
    for (const [before, after] of [
      [0, 2],
      [2, 3],
      [3, 4],
      [3, 5],
      [5, 6],
    ] as const)
      expect(sent.lastIndexOf(order[before]!), sent.join()).toBeLessThan(sent.lastIndexOf(order[after]!));
    expect(sent).toHaveLength(8);
  });

  test("nor does one that moves an element between two lists, and elements are no keys", async () => {
    const { send, sent } = link({ zstd: slowly(60), policy: { lists: true } });
    await Promise.all([
      send("rpush", "a", "zs1:KLUv/", "free"),
      send("lmove", "b", "a", "left", "left"),
      send("lmpop", 2, "x", "b", "left"),
      send("lpush", "free", "b"),
      send("lrange", "a", 0, -1),
    ]);
    expect(sent.map((one) => one.split(" ", 3).slice(0, 2).join(" "))).toEqual([
      "lpush free",
      "rpush a",
      "lmove b",
      "lmpop 2",
      "lrange a",
    ]);
  });

  test("commands of one list count one by one", async () => {
    const { send, sent } = link({ zstd: slowly(40) });
    const first = send(["get", "z"], ["set", "a", small]);
    await Promise.all([first, send(["incr", "n"], ["expire", "a", 5]), send("incr", "m")]);
    expect(sent).toEqual(["incr m", "get z", "set a", "incr n", "expire a 5"]);
  });

  test("a failed load holds nobody", async () => {
    const fail = async (): Promise<Zstd> => {
      await pause(30);
      throw new Error("no codec");
    };
    const { send, sent } = link({ zstd: fail });
    await Promise.all([send("set", "a", small), send("get", "a"), send("set", "a", small)]);
    expect(sent).toEqual(["set a", "get a", "set a"]);
  });

  test("nothing is awaited once the codec is there", () => {
    const { send, sent } = link({ zstd });
    void send("set", "a", small);
    void send("get", "a");
    expect(sent).toEqual(["set a", "get a"]);
  });
});

test("no later request overtakes a large value", async () => {
  const { send, sent } = link({ zstd });
  await Promise.all([send("set", "a", large), send("set", "a", "later"), send("get", "b"), send("get", "a")]);
  expect(sent).toEqual(["get b", "set a", "set a", "get a"]);
});

test("a pipeline in parts is passed by none of its keys' requests", async () => {
  const { send, sent } = link({ zstd, maxRequestSize: 2000 });
  const parts = Array.from({ length: 20 }, (_, index) => ["set", `p${index}`, "x".repeat(300)]);
  await Promise.all([send(...parts), send("get", "p19")]);
  expect(sent).toHaveLength(21);
  expect(sent.at(-1)).toBe("get p19");
});

describe("what has ended without a word, as requests end in a Worker", () => {
  const silently = async <Result>(work: () => Result): Promise<Result> => {
    host.silent = true;
    try {
      return work();
    } finally {
      host.silent = false;
    }
  };

  test("is passed when its signs have stopped, and waited for until then", async () => {
    const order = new RequestOrder();
    const gone = await silently(() => order.enter([["get", "a"]], true)!);
    const next = order.enter([["get", "a"]], false)!;
    const other = order.enter([["get", "b"]], false);
    expect(other).toBeUndefined();
    let passed = false;
    const waiting = next.turn().then(() => (passed = true));
    await pause(50);
    expect(passed).toBe(false);
    await waiting;
    next.leave();
    gone.leave();
    expect(order.enter([["get", "a"]], false)).toBeUndefined();
  });

  test("is waited for as long as it gives signs", async () => {
    const order = new RequestOrder();
    const slow = order.enter([["get", "a"]], true)!;
    const next = order.enter([["get", "a"]], false)!;
    let passed = false;
    const waiting = next.turn().then(() => (passed = true));
    await pause(900);
    expect(passed).toBe(false);
    slow.leave();
    await waiting;
    next.leave();
  });

  test("leaves the codec to be loaded by whoever comes next", async () => {
    let loads = 0;
    const loader = new CodecLoader(() => {
      loads += 1;
      return loads === 1 ? new Promise<never>(() => {}) : Promise.resolve(zstd);
    });
    void silently(() => loader.load());
    expect(await Promise.all([loader.load(), loader.load()])).toEqual([zstd, zstd]);
    expect(loads).toBe(2);
  });
});

describe("the codec's loader", () => {
  test("loads once for many, and again after a failure", async () => {
    let loads = 0;
    const loader = new CodecLoader(async () => {
      loads += 1;
      await pause(20);
      if (loads === 1) throw new Error("first");
      return zstd;
    });
    const failures = await Promise.all([loader.load(), loader.load(), loader.load()]);
    expect(new Set(failures).size).toBe(1);
    expect(failures[0]).toMatchObject({ error: { code: "WASM_UNAVAILABLE" } });
    expect(await Promise.all([loader.load(), loader.load()])).toEqual([zstd, zstd]);
    expect(loads).toBe(2);
  });
});
