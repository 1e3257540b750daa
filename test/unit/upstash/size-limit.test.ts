/** Requests that are too large for a server: divided where they can be, refused where they cannot. */
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { loadZstd, type Zstd } from "../../../src/codec/zstd.ts";
import { createDevServer, type DevServer, type DevServerOptions } from "../../../src/dev/index.ts";
import { ZstashError } from "../../../src/errors.ts";
import {
  compressionMiddleware,
  createRequester,
  zstashCode,
  type CommandReply,
  type CommandRequest,
  type CompressionMiddleware,
  type CompressionOptions,
  type SendRequest,
} from "../../../src/upstash/index.ts";
import { leaks, loggedText } from "../../support/faults/judge.ts";
import { CANARY, TOKEN, large } from "../../support/faults/operations.ts";
import { seededRandom } from "../../support/random.ts";

let zstd: Zstd;
beforeAll(async () => {
  zstd = await loadZstd();
});

type Carrier = "text" | "raw";
type Command = readonly unknown[];

interface Link {
  readonly middleware: CompressionMiddleware;
  /** Bytes of the bodies that were sent, in order. */
  readonly sizes: number[];
  /** The bodies themselves. */
  readonly bodies: unknown[];
  /** Makes request number `number`, counted from 0, fail. */
  failAt(number: number, fail: () => Promise<never>): void;
}

const servers: DevServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

/** A middleware of either carrier in front of a server. */
async function link(
  carrier: Carrier,
  options: CompressionOptions = {},
  server: DevServerOptions = {},
): Promise<Link> {
  const dev = await createDevServer({ backend: "embedded", token: TOKEN, ...server });
  servers.push(dev);
  const sizes: number[] = [];
  const bodies: unknown[] = [];
  let failing = { number: -1, fail: (): Promise<never> => Promise.reject(new Error("unused")) };
  const send = async (url: string, init: RequestInit): Promise<Response> => {
    const request = new Request(url, init);
    const body = new Uint8Array(await request.clone().arrayBuffer());
    const number = sizes.push(body.length) - 1;
    const text = new TextDecoder().decode(body);
    bodies.push(text.startsWith("[") ? JSON.parse(text) : body);
    if (number === failing.number) return failing.fail();
    return dev.fetch(request);
  };
  /** What the client below does, without its retries. */
  const next: SendRequest = async (request) => {
    const { path = [], body } = request as CommandRequest & { path?: string[] };
    const response = await send(`http://127.0.0.1/${path.join("/")}`, {
      method: "POST",
      body: JSON.stringify(body),
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    const answer = (await response.json()) as CommandReply;
    if (!response.ok) throw new Error(`${answer.error}, command was: ${JSON.stringify(body)}`);
    return answer;
  };
  const compression = { zstd, ...options };
  const raw = { url: "http://127.0.0.1", token: TOKEN, fetch: send, retry: false, compression } as const;
  return {
    middleware: carrier === "raw" ? createRequester(raw).request : compressionMiddleware(compression),
    sizes,
    bodies,
    failAt(number, fail) {
      failing = { number, fail };
    },
    next,
  } as Link & { next: SendRequest };
}

async function run(
  on: Link,
  kind: "command" | "pipeline" | "multi-exec",
  body: unknown,
): Promise<CommandReply[]> {
  const path = kind === "command" ? [] : [kind];
  const answer = await on.middleware(
    { path, body } as CommandRequest,
    (on as Link & { next: SendRequest }).next,
  );
  return (kind === "command" ? [answer] : answer) as CommandReply[];
}

async function failure(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
  } catch (error) {
    return error;
  }
  throw new Error("expected a rejection");
}

/** A value that is neither compressed nor small. */
const line = Array.from({ length: 97 }, (_, index) => String.fromCharCode(33 + ((index * 71) % 90))).join("");
const plain = (length: number): string => line.repeat(Math.ceil(length / line.length)).slice(0, length);

const off: CompressionOptions = { policy: () => false };

describe.each<Carrier>(["text", "raw"])("a pipeline above the limit, %s", (carrier) => {
  test("goes in several requests of at most that size, in order, and its replies come in order", async () => {
    const on = await link(carrier, { ...off, maxRequestSize: 1000 });
    const commands: Command[] = Array.from({ length: 60 }, (_, index) =>
      index % 3 === 0
        ? ["set", `k${index}`, plain(40 + index)]
        : index % 3 === 1
          ? ["append", "log", `${index};`]
          : ["incr", "n"],
    );
    const replies = await run(on, "pipeline", commands);
    expect(on.sizes.length).toBeGreaterThan(2);
    expect(Math.max(...on.sizes)).toBeLessThanOrEqual(1000);
    expect(on.bodies.flat()).toEqual(commands);
    let log = "";
    expect(replies).toEqual(
      commands.map((_, index) => {
        if (index % 3 === 1) log += `${index};`;
        return { result: [() => "OK", () => log.length, () => (index + 1) / 3][index % 3]!() };
      }),
    );
  });

  test("of exactly the limit is one request, and of one byte more two", async () => {
    const commands: Command[] = [
      ["set", "a", plain(100)],
      ["set", "é", plain(100)],
    ];
    const size = new TextEncoder().encode(JSON.stringify(commands)).length;
    for (const [limit, requests] of [
      [size + 1, 1],
      [size - 1, 2],
    ] as const) {
      const on = await link(carrier, { ...off, maxRequestSize: limit });
      expect(await run(on, "pipeline", commands)).toEqual([{ result: "OK" }, { result: "OK" }]);
      expect(on.sizes.length).toBe(requests);
      expect(Math.max(...on.sizes)).toBeLessThanOrEqual(limit);
    }
  });

  test("is measured as it is sent: compressed", async () => {
    const on = await link(carrier, { maxRequestSize: 4000 });
    const commands = Array.from({ length: 4 }, (_, index) => ["set", `k${index}`, large]);
    expect(JSON.stringify(commands).length).toBeGreaterThan(8000);
    expect(await run(on, "pipeline", commands)).toEqual(commands.map(() => ({ result: "OK" })));
    expect(on.sizes.length).toBe(1);
    const replies = await run(
      on,
      "pipeline",
      commands.map(([, key]) => ["get", key]),
    );
    expect(replies).toEqual(commands.map(() => ({ result: large })));
  });

  test("of which one command is too large: that one fails by itself and is not sent, the others run in order", async () => {
    const on = await link(carrier, { ...off, maxRequestSize: 600 });
    const replies = await run(on, "pipeline", [
      ["append", "log", "a"],
      ["set", "big", CANARY.repeat(100)],
      ["append", "log", "b"],
      ["get", "log"],
      ["get", "big"],
    ]);
    expect(replies).toMatchObject([
      { result: 1 },
      { error: expect.stringMatching(/^ZSTASH_REQUEST_LIMIT /) },
      { result: 2 },
      { result: "ab" },
      { result: null },
    ]);
    expect(Math.max(...on.sizes)).toBeLessThanOrEqual(600);
    expect(leaks(JSON.stringify(replies))).toEqual([]);
  });

  test("in random sizes keeps order and limit", async () => {
    const random = seededRandom(31);
    for (let round = 0; round < 20; round++) {
      const limit = 300 + random.below(2000);
      const on = await link(carrier, { ...off, maxRequestSize: limit });
      const commands = Array.from({ length: 2 + random.below(40) }, (_, index) => [
        "append",
        "log",
        `${index}${random.pick(["x", "é", '"', "\u{1F600}", "\0"]).repeat(random.below(40))}`,
      ]);
      let length = 0;
      const replies = await run(on, "pipeline", commands);
      expect(replies).toEqual(
        commands.map(([, , text]) => ({ result: (length += new TextEncoder().encode(text).length) })),
      );
      expect(Math.max(...on.sizes)).toBeLessThanOrEqual(limit);
      expect(on.bodies.flat(1).flat().length).toBeGreaterThanOrEqual(commands.length * 3);
    }
  });
});

describe.each<Carrier>(["text", "raw"])("what cannot be divided, %s", (carrier) => {
  const big = CANARY.repeat(200);

  test.each<[string, "command" | "pipeline" | "multi-exec", unknown]>([
    ["one command", "command", ["set", "k", big]],
    ["one command in a pipeline", "pipeline", [["set", "k", big]]],
    ["MSET", "command", ["mset", "a", big, "b", "x"]],
    [
      "MULTI",
      "multi-exec",
      [
        ["set", "a", "x"],
        ["set", "b", big],
      ],
    ],
    ["MULTI of many", "multi-exec", Array.from({ length: 100 }, (_, index) => ["set", `k${index}`, CANARY])],
  ])("%s above a given limit is REQUEST_LIMIT and is not sent", async (_, kind, body) => {
    const on = await link(carrier, { ...off, maxRequestSize: 1000 });
    let thrown: unknown;
    const replies = await run(on, kind, body).catch((error: unknown) => {
      thrown = error;
      return [];
    });
    expect(zstashCode(thrown ?? replies[0]?.error)).toBe("REQUEST_LIMIT");
    expect(on.sizes).toEqual([]);
    expect(leaks(loggedText(thrown) + JSON.stringify(replies))).toEqual([]);
  });

  test("below it is sent, however many characters it has before it is compressed", async () => {
    const on = await link(carrier, { maxRequestSize: 2000 });
    expect(large.length).toBeGreaterThan(2000);
    expect(await run(on, "command", ["set", "k", large])).toEqual([{ result: "OK" }]);
    expect(await run(on, "command", ["get", "k"])).toEqual([{ result: large }]);
    expect(
      await run(on, "multi-exec", [
        ["set", "k", large],
        ["get", "k"],
      ]),
    ).toEqual([{ result: "OK" }, { result: large }]);
  });

  test("is left to the server where no limit was given", async () => {
    const on = await link(carrier, off);
    const text = plain(11 << 20);
    const error = await failure(run(on, "command", ["set", "k", text]));
    expect(on.sizes.length).toBe(1);
    expect(error).toBeInstanceOf(ZstashError);
    expect(error).toMatchObject({ code: "REQUEST_LIMIT" });
    expect(loggedText(error)).not.toContain(text.slice(0, 40));
    const allowing = await link(carrier, off, { maxRequestSize: 20 << 20 });
    expect(await run(allowing, "command", ["set", "k", text])).toEqual([{ result: "OK" }]);
  });

  test("a pipeline is divided at 10 MiB where no limit was given", async () => {
    const on = await link(carrier, off);
    const text = plain(3 << 20);
    const replies = await run(
      on,
      "pipeline",
      Array.from({ length: 5 }, (_, index) => ["set", `k${index}`, text]),
    );
    expect(replies).toEqual(Array.from({ length: 5 }, () => ({ result: "OK" })));
    expect(on.sizes.length).toBeGreaterThan(1);
    expect(Math.max(...on.sizes)).toBeLessThanOrEqual(10 << 20);
  });
});

describe.each<Carrier>(["text", "raw"])("a server with smaller limits, %s", (carrier) => {
  const values = Array.from({ length: 8 }, (_, index) => `${CANARY}${index}${plain(300)}`);

  async function filled(limits: DevServerOptions): Promise<Link> {
    const on = await link(carrier, off, limits);
    for (const [index, value] of values.entries()) await run(on, "command", ["set", `k${index}`, value]);
    on.sizes.length = 0;
    on.bodies.length = 0;
    return on;
  }

  test("a pipeline of reads whose replies are too large is halved until they fit", async () => {
    const on = await filled({ maxResponseSize: 800 });
    const replies = await run(
      on,
      "pipeline",
      values.map((_, index) => ["get", `k${index}`]),
    );
    expect(replies).toEqual(values.map((result) => ({ result })));
    expect(on.sizes.length).toBe(7);
  });

  test("halves know which of their replies are values", async () => {
    const on = await link(carrier, {}, { maxResponseSize: 2 * zstd.compress(large).length });
    for (let index = 0; index < 4; index++) await run(on, "command", ["set", `k${index}`, large]);
    const replies = await run(on, "pipeline", [
      ...Array.from({ length: 4 }, () => ["exists", "k0"]),
      ...Array.from({ length: 4 }, (_, index) => ["get", `k${index}`]),
    ]);
    expect(replies).toEqual([
      ...Array.from({ length: 4 }, () => ({ result: 1 })),
      ...Array.from({ length: 4 }, () => ({ result: large })),
    ]);
    expect(on.sizes.length).toBeGreaterThan(4 + 3);
  });

  test("a pipeline of writes that is too large is halved until it fits", async () => {
    const on = await link(carrier, off, { maxRequestSize: 800 });
    const replies = await run(
      on,
      "pipeline",
      values.map((value, index) => ["set", `k${index}`, value]),
    );
    expect(replies).toEqual(values.map(() => ({ result: "OK" })));
    expect(await run(on, "command", ["get", "k7"])).toEqual([{ result: values[7] }]);
  });

  test("one reply that is too large fails by itself", async () => {
    const on = await filled({ maxResponseSize: 800 });
    await run(on, "command", ["append", "k5", ""]);
    const replies = await run(on, "pipeline", [
      ["get", "k1"],
      ["mget", "k2", "k3", "k4"],
      ["get", "k5"],
      ["get", "none"],
    ]);
    expect(replies).toMatchObject([
      { result: values[1] },
      { error: expect.stringMatching(/^ZSTASH_REQUEST_LIMIT /) },
      { result: values[5] },
      { result: null },
    ]);
    const errors = replies.map(({ error }) => error ?? "").join();
    expect(leaks(errors)).toEqual([]);
  });

  test("one reply that is too large, alone, is REQUEST_LIMIT", async () => {
    const on = await filled({ maxResponseSize: 800 });
    for (const kind of ["command", "pipeline"] as const) {
      const command = ["mget", "k2", "k3", "k4"];
      let thrown: unknown;
      const replies = await run(on, kind, kind === "command" ? command : [command]).catch(
        (error: unknown) => {
          thrown = error;
          return [];
        },
      );
      expect(zstashCode(thrown ?? replies[0]?.error)).toBe("REQUEST_LIMIT");
      expect(leaks(loggedText(thrown) + JSON.stringify(replies))).toEqual([]);
    }
  });

  test("what may not run twice is not halved: it may have run", async () => {
    const on = await filled({ maxResponseSize: 800 });
    const error = await failure(
      run(on, "pipeline", [
        ["incr", "n"],
        ["get", "k0"],
        ["get", "k1"],
        ["get", "k2"],
        ["getdel", "k3"],
      ]),
    );
    expect(error).toMatchObject({ name: "ZstashError", code: "REQUEST_LIMIT" });
    expect(on.sizes.length).toBe(1);
    expect(leaks(loggedText(error))).toEqual([]);
    expect(await run(on, "command", ["get", "n"])).toEqual([{ result: "1" }]);
  });

  test("a GETDEL whose reply is too large has deleted: the message says so, and what to do before", async () => {
    const on = await filled({ maxResponseSize: 200 });
    const error = await failure(run(on, "command", ["getdel", "k0"]));
    expect(error).toMatchObject({ name: "ZstashError", code: "REQUEST_LIMIT", effect: "done" });
    expect(await run(on, "command", ["exists", "k0"])).toEqual([{ result: 0 }]);
    expect((error as Error).message).toMatch(
      /the command has run, only the reply is too large; the value that it took is gone from Redis: ask for STRLEN first/,
    );
  });

  test("a read before a write of its key is not asked for again, when both have run", async () => {
    const on = await filled({ maxResponseSize: 800 });
    const commands = [
      ["get", "k0"],
      ["set", "k0", "new"],
      ["get", "k1"],
      ["get", "k2"],
      ["get", "k3"],
    ];
    let thrown: unknown;
    const replies = await run(on, "pipeline", commands).catch((error: unknown) => {
      thrown = error;
      return [];
    });
    // Either an error, or the value that was there before.
    if (thrown === undefined) expect(replies[0]).toEqual({ result: values[0] });
    else expect(zstashCode(thrown)).toBe("REQUEST_LIMIT");
  });

  test("a transaction is not halved", async () => {
    const on = await filled({ maxResponseSize: 800 });
    const error = await failure(
      run(on, "multi-exec", [
        ["get", "k0"],
        ["get", "k1"],
        ["get", "k2"],
      ]),
    );
    expect(error).toMatchObject({ name: "ZstashError", code: "REQUEST_LIMIT" });
    expect(on.sizes.length).toBe(1);
  });
});

describe.each<Carrier>(["text", "raw"])("a part that fails, %s", (carrier) => {
  const commands: Command[] = Array.from({ length: 9 }, (_, index) => [
    "append",
    "log",
    `${index}${CANARY}${plain(200)}`,
  ]);

  test("the first: the whole pipeline rejects, and nothing else is sent", async () => {
    const on = await link(carrier, { ...off, maxRequestSize: 800 });
    on.failAt(0, () => Promise.reject(new TypeError("fetch failed")));
    const error = await failure(run(on, "pipeline", commands));
    expect(error).toBeInstanceOf(Error);
    expect(on.sizes.length).toBe(1);
  });

  test("a later one: earlier replies are given, its commands and those after it fail by themselves", async () => {
    const on = await link(carrier, { ...off, maxRequestSize: 800 });
    on.failAt(1, () => Promise.reject(new TypeError("fetch failed")));
    const replies = await run(on, "pipeline", commands);
    expect(replies.length).toBe(9);
    expect(on.sizes.length).toBe(2);
    const sent = on.bodies.map((body) => (body as unknown[]).length);
    const first = sent[0]!;
    const second = first + sent[1]!;
    for (const [index, { result, error }] of replies.entries()) {
      if (index < first) expect([typeof result, error]).toEqual(["number", undefined]);
      else {
        expect(zstashCode(error)).toBe("REDIS");
        expect(error!.includes("not sent")).toBe(index >= second);
        if (carrier === "raw" && index < second) expect(error).toContain("unknown");
      }
    }
    expect(leaks(JSON.stringify(replies))).toEqual([]);
  });

  test("a later one with an answer that cannot be read: no text holds any of it", async () => {
    const on = await link(carrier, { ...off, maxRequestSize: 800 });
    // What the client says of such an answer repeats it.
    on.failAt(1, () =>
      Promise.reject(
        Object.assign(new Error(`Unable to parse response body: [{"result":"${CANARY}`), {
          name: "UpstashJSONParseError",
        }),
      ),
    );
    const replies = await run(on, "pipeline", commands);
    expect(replies[0]!.error).toBeUndefined();
    expect(zstashCode(replies[8]!.error)).toBe("REDIS");
    expect(leaks(JSON.stringify(replies))).toEqual([]);
  });

  test("a later one that is aborted stops what comes after it", async () => {
    const on = await link(carrier, { ...off, maxRequestSize: 800 });
    on.failAt(1, () => Promise.reject(new DOMException("aborted", "AbortError")));
    const replies = await run(on, "pipeline", commands).catch(() => undefined);
    expect(on.sizes.length).toBe(2);
    if (replies !== undefined) expect(replies.at(-1)!.error).toContain("not sent");
  });
});

test.each([0, -1, 1.5, Number.NaN, Infinity, "1000", null])("a limit of %j is refused", (limit) => {
  expect(() => compressionMiddleware({ maxRequestSize: limit as number })).toThrow(/"maxRequestSize"/);
});
