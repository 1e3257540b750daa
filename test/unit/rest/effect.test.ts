/**
 * What an error says of the command: "none" if it has certainly not run, "unknown" if it may have, nothing at all if
 * the server has answered the command itself.
 */
import { describe, expect, test } from "vitest";
import type { ZstashError } from "../../../src/errors.ts";
import { openBulk } from "../../../src/rest/bulk-stream.ts";
import { RestClient } from "../../../src/rest/client.ts";
import type { Fetch } from "../../../src/rest/exchange.ts";
import type { RestCommand } from "../../../src/rest/rest-command.ts";
import { readRestOptions, type RestOptions } from "../../../src/rest/rest-options.ts";
import { resetError } from "../../support/faults/fetch.ts";

function clientOf(answer: Fetch, options: Partial<RestOptions> = {}): RestClient {
  const url = "http://127.0.0.1:1/";
  return new RestClient(readRestOptions({ url, token: "token", fetch: answer, retry: false, ...options }));
}

async function failure(work: Promise<unknown>): Promise<ZstashError> {
  try {
    await work;
  } catch (error) {
    return error as ZstashError;
  }
  throw new Error("expected a rejection");
}

const commands: readonly RestCommand[] = [
  ["GET", "k"],
  ["INCR", "k"],
  ["SET", "k", Uint8Array.of(1, 2, 3)],
];
const answering =
  (body: string, status = 200): Fetch =>
  () =>
    Promise.resolve(new Response(body, { status }));

/** The errors of every way to send: each command alone, a batch of either kind, a streamed reply. */
async function failures(answer: Fetch, options?: Partial<RestOptions>): Promise<ZstashError[]> {
  const client = clientOf(answer, options);
  const batch: readonly RestCommand[] = [["INCR", "a"]];
  return Promise.all([
    ...commands.map((command) => failure(client.command(command))),
    failure(client.batch("pipeline", batch)),
    failure(client.batch("multi-exec", batch)),
    failure(client.open(["GET", "k"], openBulk)),
  ]);
}

const refused = [400, 401, 403, 413, 414, 425, 429, 431];
const unknown = [204, 302, 408, 409, 500, 502, 503, 504];

test.each([
  ...refused.map((status) => [status, "none"] as const),
  ...unknown.map((status) => [status, "unknown"] as const),
])("a page with status %i: %s", async (status, effect) => {
  const answer: Fetch = () => Promise.resolve(new Response(status === 204 ? null : "<html>", { status }));
  for (const error of await failures(answer)) expect(error).toMatchObject({ status, effect });
});

test.each([404, 405, 415])("status %i: none, for what is JSON in any case", async (status) => {
  const client = clientOf(answering("<html>", status));
  expect(await failure(client.command(["INCR", "k"]))).toMatchObject({ status, effect: "none" });
  expect(await failure(client.batch("pipeline", [["INCR", "k"]]))).toMatchObject({ status, effect: "none" });
});

test("a connection that breaks, and silence: unknown", async () => {
  const broken: Fetch = () => Promise.reject(resetError());
  for (const error of await failures(broken))
    expect(error).toMatchObject({ code: "REDIS", effect: "unknown" });
  const silent: Fetch = () => new Promise(() => undefined);
  for (const error of await failures(silent, { timeout: 5 })) {
    expect(error).toMatchObject({ code: "TIMEOUT", effect: "unknown" });
  }
});

test.each(["", "<html>", "*1\r\n$5\r\nab", "{", "{}", '"text"', "+OK\r\n+OK\r\n", "$x\r\n"])(
  "a reply that is none, %j: unknown",
  async (body) => {
    for (const error of await failures(answering(body))) {
      expect(error.code).toMatch(/^(REDIS|TRUNCATED)$/);
      expect(error.effect).toBe("unknown");
    }
  },
);

test.each([
  ["ends early", "$5\r\nab"],
  ["goes on", "$2\r\nabcd"],
])("a streamed string that %s: unknown", async (_, body) => {
  const reply = await clientOf(answering(body)).open(["GET", "k"], openBulk);
  if (reply.kind !== "stream") return expect.fail(reply.kind);
  const reader = reply.stream.getReader();
  const read = async (): Promise<void> => {
    for (let next = await reader.read(); !next.done;) next = await reader.read();
  };
  expect((await failure(read())).effect).toBe("unknown");
});

describe("the server's own answer", () => {
  test("to a command is a reply", async () => {
    for (const [body, status] of [
      ["-ERR no\r\n", 200],
      ['{"error":"ERR no"}', 200],
      ['{"error":"ERR no"}', 400],
    ] as const) {
      const client = clientOf(answering(body, status));
      for (const command of commands) {
        expect(await client.command(command)).toEqual({ kind: "error", text: "ERR no" });
      }
    }
  });

  test("to a whole batch says nothing of an effect", async () => {
    const client = clientOf(answering('{"error":"EXECABORT Transaction discarded"}', 400));
    const error = await failure(client.batch("multi-exec", [["INCR", "k"]]));
    expect(error).toMatchObject({ code: "REDIS", status: 400 });
    expect("effect" in error).toBe(false);
  });

  test("that it cannot say now is a failure: unknown", async () => {
    const client = clientOf(answering('{"error":"LOADING"}', 503));
    expect(await failure(client.command(["GET", "k"]))).toMatchObject({ status: 503, effect: "unknown" });
  });
});

test("an aborted signal gives its own reason", async () => {
  const reason = new Error("enough");
  const client = clientOf(answering("+OK\r\n"));
  expect(await failure(client.command(["GET", "k"], { signal: AbortSignal.abort(reason) }))).toBe(reason);
});

test.each(['{"result":"OK"}', '{"result":null}', '{"result":5}', '{"result":[1,null,"OK"]}'])(
  "a server without RESP2 that answers %s is not asked twice",
  async (answer) => {
    let sent = 0;
    const client = clientOf(() => Promise.resolve((sent++, new Response(answer))));
    await client.command(["SET", "k", "v"]);
    expect(sent).toBe(1);
  },
);

test.each([
  [[() => Promise.reject(resetError()), () => new Response("<html>", { status: 429 })]],
  [[() => new Response("<html>", { status: 503 }), () => new Response("<html>", { status: 401 })]],
  // The command has run, and its answer came in a form that was not asked for: it is sent again as base64.
  [[() => new Response('{"result":"a\ufffdb"}'), () => new Response("<html>", { status: 404 })]],
] as const)("an earlier attempt that may have run is not forgotten (%#)", async (answers) => {
  let index = 0;
  const fetch: Fetch = async () => answers[Math.min(index++, answers.length - 1)]!();
  const client = clientOf(fetch, { retry: { retries: 1, backoff: () => 0 } });
  const error = await failure(client.command(["SET", "k", "v"]));
  expect(index).toBeGreaterThan(1);
  expect(error).toMatchObject({ effect: "unknown" });
});
