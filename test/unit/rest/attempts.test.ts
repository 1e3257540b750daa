/** Requests that fail: how often each is sent, what its error says, and what is found out of the server meanwhile. */
import { describe, expect, test } from "vitest";
import { ZstashError } from "../../../src/errors.ts";
import { openBulk } from "../../../src/rest/bulk-stream.ts";
import { RestClient } from "../../../src/rest/client.ts";
import type { Fetch } from "../../../src/rest/exchange.ts";
import type { RestCommand } from "../../../src/rest/rest-command.ts";
import { readRestOptions, type RestOptions } from "../../../src/rest/rest-options.ts";
import { leaks, loggedText } from "../../support/faults/judge.ts";
import { CANARY, TOKEN } from "../../support/faults/operations.ts";
import { resetError } from "../../support/faults/fetch.ts";

const bytes = new TextEncoder().encode(CANARY);
const ok = (): Response => new Response("+OK\r\n");
const json = (body: unknown, status = 200, headers: Record<string, string> = {}): Response =>
  new Response(JSON.stringify(body), { status, headers });
const UNKNOWN = "whether the command has run is unknown";

type Answer = (request: {
  url: string;
  init: RequestInit;
  format: string | null;
}) => Response | Promise<Response>;

/** A client whose requests are answered in turn, by the last answer from then on. */
function clientOf(
  answers: readonly Answer[],
  options: Partial<RestOptions> = {},
): {
  client: RestClient;
  sent: { url: string; init: RequestInit }[];
  waits: number[];
} {
  const sent: { url: string; init: RequestInit }[] = [];
  const waits: number[] = [];
  const fetch: Fetch = async (url, init) => {
    const answer = answers[Math.min(sent.length, answers.length - 1)]!;
    sent.push({ url, init });
    return answer({ url, init, format: new Headers(init.headers).get("upstash-response-format") });
  };
  const backoff = (retry: number): number => (waits.push(retry), 0);
  const settings = readRestOptions({
    url: "http://127.0.0.1:1/",
    token: TOKEN,
    fetch,
    retry: { retries: 3, backoff },
    ...options,
  });
  return { client: new RestClient(settings), sent, waits };
}

async function failure(work: Promise<unknown>): Promise<ZstashError> {
  try {
    await work;
  } catch (error) {
    return error as ZstashError;
  }
  throw new Error("expected a rejection");
}

const reset: Answer = () => Promise.reject(resetError());

const once: readonly RestCommand[] = [
  ["GETDEL", "k"],
  ["SET", "k", CANARY, "NX"],
  ["SET", "k", CANARY, "GET"],
  ["SETNX", "k", bytes],
  ["GETSET", "k", bytes],
  ["APPEND", "k", CANARY],
  ["INCR", "k"],
  ["HSET", "k", "f", bytes],
  ["DEL", "k"],
  ["EVAL", CANARY, 0],
  ["GETEX", "k", "EX", 10],
];
const often: readonly RestCommand[] = [
  ["GET", "k"],
  ["SET", "k", bytes],
  ["SET", "k", bytes, "EX", 10],
  ["SET", "k", CANARY],
  ["MGET", "a", "b"],
  ["HGETALL", "k"],
  ["MSET", "a", CANARY, "b", "x"],
];

describe("after a connection that failed", () => {
  test.each(once)("%s is sent once, and the message says that its effect is unknown", async (...command) => {
    const { client, sent, waits } = clientOf([reset, ok]);
    const error = await failure(client.command(command));
    expect(error).toBeInstanceOf(ZstashError);
    expect(error.code).toBe("REDIS");
    expect(error.message).toContain(UNKNOWN);
    expect(error.cause).toBeInstanceOf(TypeError);
    expect([sent.length, waits.length]).toEqual([1, 0]);
    expect(leaks(loggedText(error))).toEqual([]);
  });

  test.each(often)("%s is sent again, as often as `retries` says", async (...command) => {
    const { client, sent, waits } = clientOf([reset]);
    const error = await failure(client.command(command));
    expect(error.code).toBe("REDIS");
    expect(error.message).not.toContain(UNKNOWN);
    expect(sent.length).toBe(4);
    expect(waits).toEqual([0, 1, 2]);
    expect(leaks(loggedText(error))).toEqual([]);

    const again = clientOf([reset, reset, reset, () => json({ result: "OK" })]);
    expect(await again.client.command(command)).toEqual({ kind: "status", text: "OK" });
    expect(again.sent.length).toBe(4);
  });

  test("nothing is sent again where `retry` is false", async () => {
    const { client, sent } = clientOf([reset], { retry: false });
    await failure(client.command(["GET", "k"]));
    expect(sent.length).toBe(1);
  });

  test("several commands are sent again where each of them may be, and together they may", async () => {
    const cases: readonly (readonly [readonly RestCommand[], boolean])[] = [
      [
        [
          ["GET", "a"],
          ["MGET", "a", "b"],
        ],
        true,
      ],
      [
        [
          ["SET", "a", "1"],
          ["SET", "b", "2"],
        ],
        true,
      ],
      [
        [
          ["SET", "a", "1"],
          ["GET", "a"],
        ],
        true,
      ],
      [
        [
          ["SET", "a", "1"],
          ["INCR", "a"],
        ],
        false,
      ],
      [
        [
          ["GET", "a"],
          ["GETDEL", "a"],
        ],
        false,
      ],
      // The second time GET would answer what SET has written the first time.
      [
        [
          ["GET", "a"],
          ["SET", "a", "1"],
        ],
        false,
      ],
      [
        [
          ["SET", "a", "1"],
          ["STRLEN", "a"],
          ["SET", "a", "22"],
        ],
        false,
      ],
    ];
    for (const [commands, repeatable] of cases) {
      for (const kind of ["pipeline", "multi-exec"] as const) {
        const { client, sent } = clientOf([reset]);
        const error = await failure(client.batch(kind, commands));
        expect([commands, kind, sent.length]).toEqual([commands, kind, repeatable ? 4 : 1]);
        expect(error.message.includes(UNKNOWN)).toBe(!repeatable);
      }
    }
  });
});

describe("a status", () => {
  test.each([
    [400, 1],
    [401, 1],
    [403, 1],
    [404, 1],
    [408, 4],
    [429, 4],
    [500, 4],
    [502, 4],
    [503, 4],
  ])("%i with a page: a read is sent %i times", async (status, times) => {
    const { client, sent } = clientOf([() => new Response("<html>", { status })]);
    const error = await failure(client.command(["GET", "k"]));
    expect(error).toMatchObject({ code: "REDIS", status });
    expect(sent.length).toBe(times);
  });

  test.each([
    [401, false, 1],
    [403, false, 1],
    [425, false, 4],
    [429, false, 4],
    [408, true, 1],
    [500, true, 1],
    [502, true, 1],
    [503, true, 1],
  ])("%i: whether a GETDEL has run is unknown: %s; it is sent %i times", async (status, unknown, times) => {
    for (const run of [
      (client: RestClient) => client.command(["GETDEL", "k"]),
      (client: RestClient) => client.batch("pipeline", [["INCR", "k"]]),
      (client: RestClient) =>
        client.batch("multi-exec", [
          ["INCR", "k"],
          ["GET", "k"],
        ]),
    ]) {
      const { client, sent } = clientOf([() => json({ error: "no" }, status)]);
      const error = await failure(run(client));
      expect(error).toMatchObject({ code: "REDIS", status, effect: unknown ? "unknown" : "none" });
      expect(error.message.includes(UNKNOWN)).toBe(unknown);
      expect(error.message.includes("nothing has run")).toBe(!unknown);
      expect(sent.length).toBe(times);
    }
  });

  test("that has not run is sent again until it has, and never after one that may have", async () => {
    const busy = (): Response => json({ error: "busy" }, 429);
    const once = clientOf([busy, busy, () => json({ result: 1 })]);
    expect(await once.client.command(["INCR", "k"])).toEqual({ kind: "integer", value: 1 });
    expect(once.sent.length).toBe(3);
    const lost = clientOf([busy, reset, ok]);
    const error = await failure(lost.client.command(["INCR", "k"]));
    expect(error.effect).toBe("unknown");
    expect(error.message).toContain(UNKNOWN);
    expect(lost.sent.length).toBe(2);
  });

  test("that asks for longer than it is worth is not waited for", async () => {
    const { client, sent, waits } = clientOf([
      () => json({ error: "slow down" }, 429, { "retry-after": "3600" }),
    ]);
    expect(await failure(client.command(["GET", "k"]))).toMatchObject({ status: 429 });
    expect([sent.length, waits.length]).toEqual([1, 0]);
  });

  test("that says when to come back is believed rather than the backoff", async () => {
    const { client, sent, waits } = clientOf([() => json({ error: "x" }, 503, { "retry-after": "0" }), ok]);
    expect(await client.command(["GET", "k"])).toEqual({ kind: "status", text: "OK" });
    expect([sent.length, waits.length]).toEqual([2, 0]);
  });

  test("of another kind, once the server is known, is still the request's failure and no command's", async () => {
    const { client } = clientOf([ok, () => new Response("<html>", { status: 404 })]);
    await client.command(["SET", "k", bytes], { asText: () => ["SET", "k", "text"] });
    const error = await failure(client.command(["SET", "k", bytes], { asText: () => ["SET", "k", "text"] }));
    expect(error).toMatchObject({ code: "REDIS", status: 404 });
  });
});

describe("a reply that is none", () => {
  const bodies: readonly [string, string][] = [
    ["a page", "<html></html>"],
    ["nothing", ""],
    ["half a reply", "$5\r\nab"],
    ["half of JSON", '{"result":"b'],
    ["other JSON", "{}"],
    ["a list", "[]"],
    ["a list of replies", '[{"result":1}]'],
    ["text", "Bad gateway"],
  ];

  test.each(bodies)("%s: a GETDEL is sent once, its effect unknown", async (_, body) => {
    const { client, sent } = clientOf([() => new Response(body)]);
    const error = await failure(client.command(["GETDEL", "k"]));
    expect(error.code).toMatch(/^(REDIS|TRUNCATED)$/);
    expect(error.message).toContain(UNKNOWN);
    expect(sent.length).toBe(1);
  });

  test.each(bodies)("%s: a pipeline that writes is sent once, its effect unknown", async (_, body) => {
    if (body === '[{"result":1}]') return;
    const { client, sent } = clientOf([() => new Response(body)]);
    const error = await failure(client.batch("pipeline", [["INCR", "a"]]));
    expect(error.code).toMatch(/^(REDIS|TRUNCATED)$/);
    expect(error.message).toContain(UNKNOWN);
    expect(sent.length).toBe(1);
  });

  test("too few or too many replies of commands that write are of unknown effect", async () => {
    for (const body of [[], [{ result: 1 }], [{ result: 1 }, { result: 2 }, { result: 3 }]]) {
      const { client } = clientOf([() => json(body)]);
      const error = await failure(
        client.batch("pipeline", [
          ["INCR", "a"],
          ["INCR", "b"],
        ]),
      );
      expect(error.code).toBe("REDIS");
      expect(error.message).toContain(UNKNOWN);
    }
  });

  test("of a size is known to be one, and that the command may have run", async () => {
    const text = "ERR max request size exceeded. Limit: 10 bytes, Actual: 20 bytes.";
    const { client } = clientOf([() => json({ error: text }, 400)]);
    const reply = await client.command(["GETDEL", "k"]);
    expect(reply).toEqual({ kind: "error", text });
  });
});

describe("silence", () => {
  test("is TIMEOUT and never sent again", async () => {
    for (const [command, unknown] of [
      [["GET", "k"], false],
      [["INCR", "k"], true],
    ] as const) {
      const { client, sent } = clientOf([() => new Promise(() => undefined)], { timeout: 5 });
      const error = await failure(client.command(command));
      expect(error.code).toBe("TIMEOUT");
      expect(error.message.includes(UNKNOWN)).toBe(unknown);
      expect(sent.length).toBe(1);
    }
  });
});

describe("a signal", () => {
  test("ends with its own reason, and stops what would be sent again", async () => {
    const reason = new Error("enough");
    const controller = new AbortController();
    const { client, sent } = clientOf([reset], {
      retry: {
        retries: 5,
        backoff: () => {
          controller.abort(reason);
          return 2 ** 30;
        },
      },
    });
    expect(await failure(client.command(["GET", "k"], { signal: controller.signal }))).toBe(reason);
    expect(sent.length).toBe(1);
  });

  test("of the client and of the request both end it, and a function is asked each time", async () => {
    let asked = 0;
    const { client, sent } = clientOf([ok], {
      signal: () => {
        asked += 1;
        return asked > 1 ? AbortSignal.abort("client") : new AbortController().signal;
      },
    });
    await client.command(["GET", "k"]);
    expect(await failure(client.command(["GET", "k"]))).toBe("client");
    expect(
      await failure(clientOf([ok]).client.command(["GET", "k"], { signal: AbortSignal.abort("mine") })),
    ).toBe("mine");
    expect([asked, sent.length]).toEqual([2, 1]);
  });
});

describe("a signal that is none", () => {
  test.each([null, true, "abort", {}, { aborted: false }, new AbortController()])(
    "%s is refused at once",
    (signal) => {
      const options = { url: "http://127.0.0.1:1", token: TOKEN, signal: signal as unknown as AbortSignal };
      expect(() => readRestOptions(options)).toThrow(/^"signal" must be an AbortSignal, got /);
    },
  );

  test.each<[string, () => unknown, RegExp]>([
    [
      "a promise",
      async () => new AbortController().signal,
      /"signal" must be given synchronously, got a promise/,
    ],
    [
      "a promise that is rejected",
      () => Promise.reject(new Error("late")),
      /"signal" must be given synchronously/,
    ],
    ["something else", () => new AbortController(), /"signal" must be an AbortSignal, got AbortController/],
    [
      "an error of its own",
      () => {
        throw new Error("mine");
      },
      /^mine$/,
    ],
  ])("a function that gives %s is an error at the call, and nothing is sent", async (_, give, message) => {
    const { client, sent } = clientOf([ok], { signal: give as () => AbortSignal });
    for (const work of [
      client.command(["GET", "k"]),
      client.batch("pipeline", [["GET", "k"]]),
      client.open(["GET", "k"], openBulk),
    ]) {
      expect((await failure(work)).message).toMatch(message);
    }
    expect(sent.length).toBe(0);
  });

  test("a function may give none", async () => {
    const { client } = clientOf([ok], { signal: (() => undefined) as unknown as () => AbortSignal });
    expect(await client.command(["GET", "k"])).toEqual({ kind: "status", text: "OK" });
  });
});

describe("what a server can do is found out as it is used", () => {
  test("without RESP2: a read is asked for again in base64, once, and what writes is not asked in RESP2", async () => {
    const answer: Answer = ({ format }) =>
      json({ result: format === "resp2" ? "(\uFFFD/\uFFFD" : "KLUv/Q==" });
    const { client, sent } = clientOf([answer]);
    const value = { kind: "bulk", bytes: Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd) };
    expect(await client.command(["GETDEL", "k"])).toEqual(value);
    expect(sent.length).toBe(1);
    expect(await client.command(["GET", "k"])).toEqual(value);
    expect(sent.length).toBe(3);
    expect(await client.command(["GET", "k"])).toEqual(value);
    expect(sent.length).toBe(4);
  });

  test("a server that has lost RESP2 never gives a value that has lost bytes", async () => {
    const { client, sent } = clientOf([
      ok,
      ({ format }) => json({ result: format === "resp2" ? "(\uFFFD/\uFFFD" : "KLUv/Q==" }),
    ]);
    await client.command(["GET", "k"]);
    const error = await failure(client.command(["GETDEL", "k"]));
    expect(error.code).toBe("REDIS");
    expect(error.message).toContain(UNKNOWN);
    expect(sent.length).toBe(2);
  });

  test("without raw bodies: the other form, and from then on at once", async () => {
    const answer: Answer = ({ url }) =>
      new URL(url).pathname === "/" ? json({ result: "OK" }) : json({ error: "ERR no body" }, 400);
    const { client, sent } = clientOf([answer]);
    const send = (): Promise<unknown> =>
      client.command(["SETNX", "k", bytes], { asText: () => ["SETNX", "k", "text"] });
    expect(client.sendsBytes).toBe(true);
    expect(await send()).toEqual({ kind: "status", text: "OK" });
    expect(sent.length).toBe(2);
    expect(client.sendsBytes).toBe(false);
    await send();
    expect(sent.length).toBe(3);
    expect(sent[2]!.init.body).toBe('["SETNX","k","text"]');
  });

  test("a command that fails in both forms says nothing of the server", async () => {
    const { client, sent } = clientOf([() => json({ error: "WRONGTYPE x" }, 400)]);
    const reply = await client.command(["GETSET", "k", bytes], { asText: () => ["GETSET", "k", "text"] });
    expect(reply).toEqual({ kind: "error", text: "WRONGTYPE x" });
    expect(sent.length).toBe(2);
    expect(client.sendsBytes).toBe(true);
  });

  test("a raw request that is lost is not sent in the other form", async () => {
    const { client, sent } = clientOf([reset]);
    await failure(client.command(["SETNX", "k", bytes], { asText: () => ["SETNX", "k", "text"] }));
    expect(sent.length).toBe(1);
  });
});

test("no server's text brings back what was sent", async () => {
  const echo = `ERR unknown command 'x', with args beginning with: '${CANARY}' '${TOKEN}'`;
  for (const status of [401, 500, 429]) {
    const { client } = clientOf([() => json({ error: echo }, status)], { retry: false });
    for (const work of [
      client.command(["INCR", "k"]),
      client.batch("pipeline", [["SET", "k", CANARY]]),
      client.batch("multi-exec", [["SET", "k", CANARY]]),
    ]) {
      expect(leaks(loggedText(await failure(work)))).toEqual([]);
    }
  }
  const { client } = clientOf([() => json({ error: `EXECABORT ${echo}` }, 400)]);
  expect(leaks(loggedText(await failure(client.batch("multi-exec", [["SET", "k", CANARY]]))))).toEqual([]);
});
