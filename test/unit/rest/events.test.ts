/** Events and channels of the transport: what is told of retries, fallbacks, waits and requests, and that nothing is given away. */
import { channel, subscribe, unsubscribe } from "node:diagnostics_channel";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import * as silent from "../../../src/adapters/channels/none.ts";
import type { RequestMessage, ZstashEvent } from "../../../src/metrics/events.ts";
import { openBulk } from "../../../src/rest/bulk-stream.ts";
import { RestClient } from "../../../src/rest/client.ts";
import type { Fetch } from "../../../src/rest/exchange.ts";
import { readRestOptions, type RestOptions } from "../../../src/rest/rest-options.ts";
import { RequestOrder } from "../../../src/upstash/order.ts";
import { leaks } from "../../support/faults/judge.ts";
import { CANARY, TOKEN } from "../../support/faults/operations.ts";
import { resetError } from "../../support/faults/fetch.ts";

const bytes = new TextEncoder().encode(CANARY);
type Answer = (url: string, init: RequestInit) => Response | Promise<Response>;

/** A client that is answered in turn, and what it told its listener: of its requests apart from the rest. */
function clientOf(answers: readonly Answer[], options: Partial<RestOptions> = {}) {
  const events: ZstashEvent[] = [];
  const requests: ZstashEvent[] = [];
  let sent = 0;
  const fetch: Fetch = async (url, init) => answers[Math.min(sent++, answers.length - 1)]!(url, init);
  const settings = readRestOptions(
    {
      url: "http://127.0.0.1:1",
      token: TOKEN,
      fetch,
      retry: { retries: 2, backoff: (retry) => retry },
      ...options,
    },
    undefined,
    (event) => (event.type === "request" ? requests : events).push(event),
  );
  return { client: new RestClient(settings), events, requests };
}

const ok = (): Response => new Response("+OK\r\n");
const status =
  (code: number, body = "<html>"): Answer =>
  () =>
    new Response(body, { status: code });
const reset: Answer = () => Promise.reject(resetError());

const names = ["zstash:request", "zstash:retry", "zstash:fallback", "zstash:wait"] as const;
const messages: Record<string, unknown[]> = {};
const listeners = names.map(
  (name) => [name, (message: unknown) => (messages[name] ??= []).push(message)] as const,
);
beforeEach(() => {
  for (const name of names) messages[name] = [];
  for (const [name, listener] of listeners) subscribe(name, listener);
});
afterEach(() => {
  for (const [name, listener] of listeners) unsubscribe(name, listener);
});

describe("a retry", () => {
  test("tells what failed, whether it has run, and how long it waits", async () => {
    const { client, events } = clientOf([status(503), reset, ok]);
    await client.command(["GET", CANARY]);
    expect(events).toEqual([
      { type: "retry", command: "GET", attempt: 1, wait: 0, code: "REDIS", effect: "unknown", status: 503 },
      {
        type: "retry",
        command: "GET",
        attempt: 2,
        wait: 1,
        code: "REDIS",
        effect: "unknown",
        status: undefined,
      },
    ]);
    expect(messages["zstash:retry"]).toEqual(events);
  });

  test("of what has not run is told as such, of a batch by its kind", async () => {
    const { client, events } = clientOf([status(429), () => Response.json([{ result: 1 }])]);
    await client.batch("pipeline", [["INCR", CANARY]]);
    expect(events).toMatchObject([{ type: "retry", command: "pipeline", effect: "none", status: 429 }]);
  });

  test("that does not come is not told", async () => {
    const { client, events } = clientOf([status(503)]);
    await client.command(["INCR", "k"]).catch(() => undefined);
    expect(events).toEqual([]);
  });
});

describe("a fallback", () => {
  const asText = () => ["SET", "k", "text"];

  test.each([404, 405, 413, 414, 415, 431, 400])("status %i of a raw body: JSON, once", async (code) => {
    const urls: string[] = [];
    const { client, events } = clientOf([
      (url, init) => {
        urls.push(url.slice("http://127.0.0.1:1".length));
        return typeof init.body === "string" ? Response.json({ result: "OK" }) : status(code)(url, init);
      },
    ]);
    expect(await client.command(["SET", "k", bytes], { asText })).toEqual({ kind: "status", text: "OK" });
    expect(urls).toEqual(["/SET/k", ""]);
    expect(events).toMatchObject([
      { type: "fallback", command: "SET", from: "raw", to: "json", status: code },
    ]);
    expect(messages["zstash:fallback"]).toEqual(events);
    // A length says nothing of other values.
    expect(client.sendsBytes).toBe([413, 414, 431].includes(code));
  });

  test("is tried once, and a form that was known to be taken is given up at the second time only", async () => {
    let refuses = false;
    const { client, events } = clientOf([
      (url, init) => {
        if (typeof init.body === "string") return Response.json({ result: "OK" });
        return refuses ? status(405)(url, init) : ok();
      },
    ]);
    const send = () => client.command(["SET", "k", bytes], { asText });
    await send();
    refuses = true;
    await send();
    expect(client.sendsBytes).toBe(true);
    await send();
    expect(client.sendsBytes).toBe(false);
    await send();
    expect(events.filter((event) => event.type === "fallback" && event.from === "raw").length).toBe(2);
    const hopeless = clientOf([status(404)]);
    await expect(hopeless.client.command(["SET", "k", bytes], { asText })).rejects.toMatchObject({
      status: 404,
    });
    expect(hopeless.events).toEqual([]);
  });

  test("of a plan's limit there is none: the value is as large in JSON", async () => {
    let sent = 0;
    const { client } = clientOf([
      () => {
        sent += 1;
        return Response.json({ error: "ERR max request size exceeded. Limit: 1" }, { status: 413 });
      },
    ]);
    const work = client.command(["SET", "k", bytes], { asText });
    await expect(work).rejects.toMatchObject({ code: "REQUEST_LIMIT", effect: "none" });
    expect(sent).toBe(1);
  });

  test("from RESP2 to base64 is told once", async () => {
    const { client, events } = clientOf([() => Response.json({ result: "a" })]);
    for (let round = 0; round < 3; round++) await client.command(["GET", "k"]);
    expect(events).toEqual([{ type: "fallback", command: "GET", from: "resp2", to: "base64" }]);
  });
});

test("a slow wait for an earlier request on the same key is told, a short one is not", async () => {
  const events: ZstashEvent[] = [];
  const order = new RequestOrder((event) => events.push(event));
  const [first, second] = [order.enter([["SET", "k"]], true)!, order.enter([["SET", "k"]], true)!];
  await first.turn();
  expect(events).toEqual([]);
  setTimeout(() => first.leave(), 150);
  await second.turn();
  second.leave();
  expect(events).toMatchObject([{ type: "wait", for: "order" }]);
  expect(messages["zstash:wait"]).toEqual(events);
});

describe("the channel of requests", () => {
  const seen = () => messages["zstash:request"] as readonly RequestMessage[];

  test("tells of start and end, of sizes, status and attempt", async () => {
    const { client } = clientOf([reset, () => new Response("$3\r\nabc\r\n")]);
    await client.command(["GET", CANARY]);
    const [a, b, c, d] = seen();
    expect(seen().length).toBe(4);
    const sentSize = JSON.stringify(["GET", CANARY]).length;
    expect(a).toEqual({ phase: "start", id: a!.id, command: "GET", attempt: 1, sentSize });
    expect(b).toMatchObject({ phase: "end", id: a!.id, attempt: 1, receivedSize: 0, error: "REDIS" });
    expect(c).toMatchObject({ phase: "start", id: a!.id + 1, attempt: 2 });
    expect(d).toMatchObject({ phase: "end", id: c!.id, status: 200, receivedSize: 9, error: undefined });
    expect(d!.ms).toBeGreaterThanOrEqual(0);
  });

  test("tells of the end of a stream when it has been read, or is left", async () => {
    const { client } = clientOf([() => new Response("$3\r\nabc\r\n")]);
    for (const leave of [false, true]) {
      messages["zstash:request"]!.length = 0;
      const reply = await client.open(["GET", "k"], openBulk);
      expect(seen().map(({ phase }) => phase)).toEqual(["start"]);
      if (reply.kind !== "stream") throw new Error(reply.kind);
      if (leave) await reply.stream.cancel();
      else await new Response(reply.stream).arrayBuffer();
      expect(seen().map(({ phase }) => phase)).toEqual(["start", "end"]);
    }
  });

  test("a listener is told of each end, also where nobody listens to the channel", async () => {
    for (const listening of [true, false]) {
      if (!listening) for (const [name, listener] of listeners) unsubscribe(name, listener);
      messages["zstash:request"] = [];
      const { client, requests } = clientOf([status(503), reset, ok]);
      await client.command(["GET", "k"]);
      expect(requests).toMatchObject([
        { type: "request", command: "GET", attempt: 1, status: 503 },
        { type: "request", command: "GET", attempt: 2, status: undefined, error: "REDIS" },
        { type: "request", command: "GET", attempt: 3, status: 200, receivedSize: 5, error: undefined },
      ]);
      const ends = seen().filter(({ phase }) => phase === "end");
      expect(ends.map(({ attempt, ms }) => [attempt, ms])).toEqual(
        listening
          ? requests.map((event) => "ms" in event && "attempt" in event && [event.attempt, event.ms])
          : [],
      );
    }
  });

  test("tells of refusals, with what was read of them", async () => {
    const { client } = clientOf([status(401, '{"error":"no"}')]);
    await client.command(["GET", "k"]).catch(() => undefined);
    expect(seen().at(-1)).toMatchObject({ phase: "end", status: 401, receivedSize: 14 });
    expect(seen().length).toBe(2);
  });

  test("a subscriber that throws has no say in a request", async () => {
    const uncaught: unknown[] = [];
    const earlier = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    process.on("uncaughtException", (error) => uncaught.push(error));
    const thrower = (): never => {
      throw new Error("of a subscriber");
    };
    subscribe("zstash:request", thrower);
    try {
      const { client } = clientOf([ok]);
      expect(await client.command(["GET", "k"])).toEqual({ kind: "status", text: "OK" });
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(uncaught.length).toBe(2);
    } finally {
      unsubscribe("zstash:request", thrower);
      process.removeAllListeners("uncaughtException");
      for (const listener of earlier) process.on("uncaughtException", listener);
    }
  });

  test("has no subscribers by itself", () => {
    for (const [name, listener] of listeners) unsubscribe(name, listener);
    for (const name of names) expect(channel(name).hasSubscribers).toBe(false);
  });
});

test("no event and no channel gives a value, a key or the token away", async () => {
  const echo = JSON.stringify({ error: `ERR ${CANARY} ${TOKEN}` });
  for (const answers of [
    [status(503, echo)],
    [status(429, echo), reset, status(400, echo)],
    [status(404, echo), () => Response.json({ result: CANARY })],
    [() => Response.json({ result: CANARY })],
  ] as const) {
    const { client, events, requests } = clientOf(answers);
    const asText = () => ["SET", CANARY, CANARY];
    await client.command(["SET", CANARY, bytes], { asText }).catch(() => undefined);
    await client.command(["GET", CANARY]).catch(() => undefined);
    await client.batch("multi-exec", [["SET", CANARY, CANARY]]).catch(() => undefined);
    expect(leaks(JSON.stringify([events, requests, messages]))).toEqual([]);
  }
  expect(messages["zstash:request"]!.length).toBeGreaterThan(10);
});

test("where a runtime has no channels nobody listens", () => {
  const none = silent.openChannel("zstash:request");
  expect(none.hasSubscribers).toBe(false);
  expect(() => none.publish({})).not.toThrow();
});
