/** SUBSCRIBE, PSUBSCRIBE and MONITOR of the local server, as server-sent events. */
import { createConnection } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Redis } from "@upstash/redis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createDevServer } from "../../../src/dev/index.ts";
import type { DevServer } from "../../../src/dev/index.ts";
import { startRedis } from "../../support/redis.ts";
import { READER, startBackends, TOKEN } from "./rig.ts";

const ACCEPT = { accept: "text/event-stream" };

const { cases, redis: real } = await startBackends();

/** Ask again until the answer is the wanted one; the test's own timeout bounds it. */
async function until(wanted: unknown, ask: () => Promise<unknown>): Promise<void> {
  while ((await ask()) !== wanted) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** The events of a response one by one, as their text. */
class Events {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();
  #text = "";

  constructor(response: Response) {
    if (response.body === null) throw new Error("a stream of events has a body");
    this.#reader = response.body.getReader();
  }

  /** The next event without its blank line; undefined at the end. */
  async next(): Promise<string | undefined> {
    for (;;) {
      const end = this.#text.indexOf("\n\n");
      if (end !== -1) {
        const event = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 2);
        return event;
      }
      const piece = await this.#reader.read();
      if (piece.done) return this.#text === "" ? undefined : this.#text;
      this.#text += this.#decoder.decode(piece.value, { stream: true });
    }
  }

  cancel(): Promise<void> {
    return this.#reader.cancel();
  }
}

describe.each(cases)("events on %s", (kind, options) => {
  let server: DevServer;
  let url: string;
  let redis: Redis;

  const headers = { authorization: `Bearer ${TOKEN}` };
  const open = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(url + path, { method: "POST", ...init, headers: { ...headers, ...ACCEPT, ...init.headers } });
  const call = async (...command: unknown[]): Promise<unknown> => {
    const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(command) });
    return ((await response.json()) as { result: unknown }).result;
  };
  const listeners = async (channel: string): Promise<unknown> =>
    ((await call("PUBSUB", "NUMSUB", channel)) as unknown[])[1];

  beforeAll(async () => {
    server = await createDevServer({ ...options, token: TOKEN, readOnlyToken: READER });
    ({ url } = await server.listen());
    redis = new Redis({ url, token: TOKEN });
  });
  afterAll(() => server.close());

  test("the SDK subscribes, hears, and unsubscribes", async () => {
    const subscriber = redis.subscribe<unknown>(["chat", "other"]);
    const heard: (readonly [channel: string, message: unknown])[] = [];
    const confirmed = new Promise<void>((resolve) => {
      let count = 0;
      subscriber.on("subscribe", () => ++count === 2 && resolve());
    });
    const complete = new Promise<void>((resolve) => {
      subscriber.on("message", ({ channel, message }) => {
        heard.push([channel, message]);
        if (heard.length === 4) resolve();
      });
    });
    await confirmed;
    expect(await redis.publish("chat", "hello, world")).toBe(1);
    expect(await redis.publish("chat", { a: [1, "é"] })).toBe(1);
    expect(await redis.publish("other", 5)).toBe(1);
    expect(await redis.publish("chat", "")).toBe(1);
    expect(await redis.publish("third", "x")).toBe(0);
    await complete;
    expect(heard.filter(([channel]) => channel === "chat")).toEqual([
      ["chat", "hello, world"],
      ["chat", { a: [1, "é"] }],
      ["chat", ""],
    ]);
    expect(heard).toContainEqual(["other", 5]);
    await subscriber.unsubscribe(["other"]);
    await until(0, () => listeners("other"));
    expect(await redis.publish("other", "x")).toBe(0);
    await subscriber.unsubscribe();
    await until(0, () => listeners("chat"));
    expect(await redis.publish("chat", "x")).toBe(0);
    expect(heard.length).toBe(4);
  });

  test("the SDK subscribes to patterns", async () => {
    const subscriber = redis.psubscribe<unknown>("user:*");
    const confirmed = new Promise<number>((resolve) => subscriber.on("psubscribe", resolve));
    const heard = new Promise<unknown>((resolve) => subscriber.on("pmessage", resolve));
    expect(await confirmed).toBe(1);
    expect(await call("PUBSUB", "NUMPAT")).toBe(1);
    expect(await redis.publish("users", "x")).toBe(0);
    expect(await redis.publish("user:1", { in: true })).toBe(1);
    expect(await heard).toEqual({ pattern: "user:*", channel: "user:1", message: { in: true } });
    await subscriber.unsubscribe();
    await until(0, () => call("PUBSUB", "NUMPAT"));
  });

  test.each(["POST", "GET", "PUT"])("%s: the text of the events, and the headers", async (method) => {
    const response = await open("/SubScribe/a%2Cb/%C3%A9", {
      method,
      ...(method === "GET" ? {} : { body: "[]" }),
    });
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    // No page has asked.
    expect(response.headers.get("access-control-expose-headers")).toBeNull();
    expect(response.headers.get("upstash-sync-token")).toMatch(/./);
    const events = new Events(response);
    expect(await events.next()).toBe("data: subscribe,a,b,1");
    expect(await events.next()).toBe("data: subscribe,é,2");
    expect(await call("PUBLISH", "a,b", "x,y")).toBe(1);
    expect(await events.next()).toBe("data: message,a,b,x,y");
    // A line break would end the event: each line is data of its own.
    await call("PUBLISH", "é", "one\ntwo\r\n\nthree\r");
    expect(await events.next()).toBe("data: message,é,one\ndata: two\ndata: \ndata: three\ndata: ");
    await fetch(`${url}/publish/${encodeURIComponent("é")}`, {
      method: "POST",
      headers,
      body: Uint8Array.of(0x61, 0xff, 0),
    });
    expect(await events.next()).toBe("data: message,é,a\uFFFD\0");
    await events.cancel();
    await until(0, () => listeners("a,b"));
  });

  test("a token in the query will do, as a page's EventSource sends it", async () => {
    const response = await fetch(`${url}/psubscribe/x*?_token=${READER}`, { headers: ACCEPT });
    const events = new Events(response);
    expect(await events.next()).toBe("data: psubscribe,x*,1");
    expect(await call("PUBLISH", "xy", "1")).toBe(1);
    expect(await events.next()).toBe("data: pmessage,x*,xy,1");
    await events.cancel();
    await until(0, () => call("PUBSUB", "NUMPAT"));
  });

  test("what is refused is refused in JSON", async () => {
    const answer = async (response: Promise<Response>): Promise<unknown> => {
      const { status, headers: fields } = await response;
      return [status, fields.get("content-type"), await (await response).json()];
    };
    const refused = (status: number, error: string): unknown => [status, "application/json", { error }];
    const context = 'ERR Command "SUBSCRIBE" is not allowed in REST or it has a special context path';
    expect(await answer(open("/subscribe/a", { headers: { accept: "*/*" } }))).toEqual(refused(400, context));
    expect(
      await answer(open("/", { body: '["SUBSCRIBE","a"]', headers: { accept: "text/event-stream" } })),
    ).toEqual(refused(400, context));
    expect(await answer(open("/subscribe"))).toEqual(
      refused(400, "ERR wrong number of arguments for 'subscribe' command"),
    );
    expect(await answer(open("/subscribe/a", { headers: { authorization: "Bearer x" } }))).toEqual(
      refused(401, "WRONGPASS invalid or missing auth token"),
    );
    expect(await answer(open("/monitor", { headers: { authorization: `Bearer ${READER}` } }))).toEqual(
      refused(400, "NOPERM this user has no permissions to run the 'monitor' command"),
    );
    expect((await open("/subscribe/a", { method: "HEAD" })).status).toBe(400);
    // Other commands do not mind what the client accepts.
    expect(await answer(open("/echo/a"))).toEqual([200, "application/json", { result: "a" }]);
  });

  test.each(["closes", "resets", "half-closes"])("a client that %s its socket is forgotten", async (how) => {
    const connections = async (): Promise<number> =>
      kind === "embedded"
        ? 0
        : String(await clientList())
            .trim()
            .split("\n").length;
    const before = await connections();
    const sockets = await Promise.all(
      [0, 1, 2].map(
        (index) =>
          new Promise<ReturnType<typeof createConnection>>((resolve, reject) => {
            const socket = createConnection(Number(new URL(url).port), "127.0.0.1", () =>
              socket.write(
                `POST /subscribe/gone HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\nauthorization: Bearer ${TOKEN}\r\n` +
                  (index === 0 ? "\r\n" : "content-length: 2\r\n\r\n[]"),
              ),
            );
            let text = "";
            socket.on("error", reject);
            socket.on("data", (piece: Buffer) => {
              text += piece.toString();
              if (text.includes("data: subscribe,gone,1\n\n")) resolve(socket);
            });
          }),
      ),
    );
    expect(await listeners("gone")).toBe(3);
    if (kind !== "embedded") expect(await connections()).toBe(before + 3);
    for (const socket of sockets) {
      socket.on("error", () => undefined);
      if (how === "closes") socket.destroy();
      else if (how === "resets") socket.resetAndDestroy();
      else socket.end();
    }
    await until(0, () => listeners("gone"));
    await until(before, connections);
    expect(await call("PUBLISH", "gone", "x")).toBe(0);
    for (const socket of sockets) socket.destroy();
  });

  const clientList = (): Promise<unknown> =>
    new Promise((resolve, reject) => {
      if (real === undefined) throw new Error("there is no real Redis");
      const socket = createConnection(real.port, real.host, () => socket.write("CLIENT LIST\r\n"));
      let text = "";
      socket.on("error", reject);
      socket.on("data", (piece: Buffer) => {
        text += piece.toString();
        const head = /^\$(\d+)\r\n/.exec(text);
        if (head === null || text.length < head[0].length + Number(head[1]) + 2) return;
        socket.destroy();
        resolve(text.slice(head[0].length, -2));
      });
    });

  describe("without a socket", () => {
    const request = (signal: AbortSignal | null = null, path = "/subscribe/direct"): Request =>
      new Request(`http://x${path}`, { method: "POST", headers: { ...headers, ...ACCEPT }, signal });

    test("the request's signal ends the stream", async () => {
      const aborted = new AbortController();
      const events = new Events(await server.fetch(request(aborted.signal)));
      expect(await events.next()).toBe("data: subscribe,direct,1");
      const waiting = events.next();
      aborted.abort();
      expect(await waiting).toBe(undefined);
      await until(0, () => listeners("direct"));
    });

    test("it does so after a collection of garbage", async () => {
      setFlagsFromString("--expose-gc");
      const collect = runInNewContext("gc") as () => void;
      const aborted = new AbortController();
      const events = new Events(await server.fetch(request(aborted.signal)));
      expect(await events.next()).toBe("data: subscribe,direct,1");
      for (let round = 0; round < 5; round++) {
        await new Promise((resolve) => setTimeout(resolve, 1));
        collect();
      }
      aborted.abort();
      expect(await events.next()).toBe(undefined);
      await until(0, () => listeners("direct"));
    });

    test("a signal that is aborted already opens nothing that stays", async () => {
      const response = await server.fetch(request(AbortSignal.abort()));
      expect(await new Events(response).next()).not.toBe("data: message");
      await until(0, () => listeners("direct"));
    });

    test("a reader that is too slow is cut off, and what it got is in order", async () => {
      const events = new Events(await server.fetch(request()));
      const filler = "x".repeat(1024 * 1024);
      for (let index = 0; (await listeners("direct")) === 1; index++) {
        expect(index).toBeLessThan(200);
        await call("PUBLISH", "direct", `${index} ${filler}`);
      }
      expect(await events.next()).toBe("data: subscribe,direct,1");
      let count = 0;
      // The last one may be cut in the middle of its way.
      for (let event = await events.next(); event !== undefined; event = await events.next()) {
        expect(event.startsWith(`data: message,direct,${count++} x`)).toBe(true);
      }
      // A megabyte of them waits here at least; what waits in Redis is lost with the connection.
      expect(count).toBeGreaterThan(0);
    });
  });

  test("closing the server ends every stream", async () => {
    const own = await createDevServer({ ...options, token: TOKEN });
    const address = await own.listen();
    const init = { method: "POST", headers: { ...headers, ...ACCEPT } };
    const responses = await Promise.all([
      fetch(`${address.url}/subscribe/last`, init),
      fetch(`${address.url}/psubscribe/last*`, init),
      own.fetch(new Request("http://x/subscribe/last", init)),
    ]);
    const streams = responses.map((response) => new Events(response));
    for (const events of streams) expect(await events.next()).toMatch(/^data: p?subscribe,last\*?,1$/);
    await own.close();
    for (const events of streams) expect(await events.next()).toBe(undefined);
    expect((await own.fetch(new Request("http://x/subscribe/last", init))).status).toBe(502);
  });

  test("MONITOR shows commands on a real Redis", async () => {
    const response = await open("/monitor");
    if (kind === "embedded") {
      expect([response.status, await response.json()]).toEqual([
        400,
        { error: expect.stringMatching(/^ERR the embedded backend has no MONITOR: /) },
      ]);
      return;
    }
    const events = new Events(response);
    expect(await events.next()).toBe('data: "OK"');
    await call("SET", "k", 'a"\n,\u0001');
    expect(await events.next()).toMatch(/^data: \d+\.\d+ \[0 127\.0\.0\.1:\d+\] "SET" "k" "a\\"\\n,\\x01"$/);
    // Longer than a line of any other reply may be.
    await call("SET", "k", "x".repeat(100_000));
    expect((await events.next())?.length).toBeGreaterThan(100_000);
    await events.cancel();
  });
});

test.skipIf(real === undefined)("a Redis that ends, ends its streams", async () => {
  const redis = await startRedis();
  const server = await createDevServer({ redis: redis.url, token: TOKEN });
  try {
    const init = { headers: { authorization: `Bearer ${TOKEN}`, ...ACCEPT } };
    const events = new Events(await server.fetch(new Request("http://x/subscribe/a", init)));
    expect(await events.next()).toBe("data: subscribe,a,1");
    await redis.stop();
    expect(await events.next()).toBe(undefined);
    expect((await server.fetch(new Request("http://x/subscribe/a", init))).status).toBe(502);
  } finally {
    await server.close();
    await redis.stop();
  }
});
