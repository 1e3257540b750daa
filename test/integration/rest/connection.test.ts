/** Connections over either adapter: what an error says of the effect, uploads that are slow, signals that many share, hosts' errors. */
import { createServer as createTlsServer } from "node:tls";
import { describe, expect, test } from "vitest";
import type { ZstashError } from "../../../src/errors.ts";
import { openBulk } from "../../../src/rest/bulk-stream.ts";
import { RestClient } from "../../../src/rest/client.ts";
import { exchange } from "../../../src/rest/exchange.ts";
import { readRestOptions, type RestOptions } from "../../../src/rest/rest-options.ts";
import { leaks, loggedText } from "../../support/faults/judge.ts";
import { CANARY, TOKEN } from "../../support/faults/operations.ts";
import { overFetch } from "../../support/http/adapters.ts";
import { hasOpenssl, makeCertificate } from "../../support/http/certificate.ts";
import {
  onRequests,
  response,
  useSocketServers,
  type SocketServer,
} from "../../support/http/socket-server.ts";
import { rejection } from "../../support/rejection.ts";
import { requireOrSkip } from "../../support/require-or-skip.ts";

const start = useSocketServers();
const json = "content-type: application/json\r\n";
const ok = response(200, '{"result":"T0s="}', json);
const clientOf = (url: string, options: Partial<RestOptions> = {}): RestClient =>
  new RestClient(readRestOptions({ url, token: TOKEN, retry: false, ...options }));
const incr = ["INCR", "k"] as const;
const secretSet = ["SET", "k", new TextEncoder().encode(CANARY.repeat(20))] as const;
const failure = async (work: Promise<unknown>): Promise<ZstashError> => {
  const error = (await rejection(work)) as ZstashError;
  expect(error.name).toBe("ZstashError");
  expect(leaks(loggedText(error))).toEqual([]);
  return error;
};

describe("no server: the command has not run, and the text names host and cause", () => {
  test("a refused connection", async () => {
    const server = await start(() => undefined);
    await server.close();
    for (const command of [incr, secretSet]) {
      const error = await failure(clientOf(server.url).command(command));
      expect(error).toMatchObject({ code: "REDIS", effect: "none" });
      expect(error.message).toContain(`at 127.0.0.1:${server.port}`);
      expect(error.message).toContain("ECONNREFUSED");
    }
  });

  test("a name that is not there", async () => {
    const error = await failure(clientOf("http://nothing.invalid").command(incr));
    expect(error).toMatchObject({ code: "REDIS", effect: "none" });
    expect(error.message).toMatch(
      /at nothing\.invalid: its name cannot be looked up \((ENOTFOUND|EAI_AGAIN)\)/,
    );
  });

  test.runIf(requireOrSkip("openssl", hasOpenssl(), "apt-get install openssl"))("a certificate", async () => {
    const certificate = makeCertificate();
    const server = await start(() => undefined, {
      create: (listener) => createTlsServer(certificate, listener) as never,
    });
    const error = await failure(clientOf(`https://127.0.0.1:${server.port}`).command(incr));
    expect(error).toMatchObject({ code: "REDIS", effect: "none" });
    expect(error.message).toContain("its certificate was refused (DEPTH_ZERO_SELF_SIGNED_CERT)");
    certificate.remove();
  });
});

describe("a connection that is lost: whether it ran is unknown, and what must not run twice is sent once", () => {
  test.each([
    ["closed without a word", (): string => ""],
    ["a proxy's 502 after the whole upload", (): string => response("502 Bad Gateway", "<html>")],
    ["half of a head", (): string => "HTTP/1.1 200 OK\r\ncont"],
    ["half of a body", (): string => ok.slice(0, -3)],
  ])("%s", async (_, answer) => {
    let requests = 0;
    const server = await start((socket) =>
      onRequests(socket, () => {
        requests += 1;
        socket.end(answer());
      }),
    );
    const client = clientOf(server.url, { retry: { retries: 3, backoff: () => 0 } });
    const error = await failure(client.command(incr));
    expect(error.effect).toBe("unknown");
    expect(requests).toBe(1);
    requests = 0;
    expect((await failure(client.command(secretSet))).effect).toBe("unknown");
    expect(requests).toBe(4);
  });

  test("kept alive and closed under way", async () => {
    let requests = 0;
    const server = await start((socket) => {
      let own = 0;
      onRequests(socket, () => {
        requests += 1;
        // The second request of a connection meets its end.
        if (++own === 1) socket.write(ok);
        else socket.destroy();
      });
    });
    const client = clientOf(server.url, { retry: { retries: 1, backoff: () => 0 } });
    expect(await client.command(["GET", "k"])).toMatchObject({ kind: "bulk" });
    await new Promise((resolve) => setTimeout(resolve, 20));
    requests = 0;
    const error = await failure(client.command(incr));
    expect([error.effect, requests]).toEqual(["unknown", 1]);
    await client.command(["GET", "k"]);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await client.command(["GET", "k"])).toMatchObject({ kind: "bulk" });
  });

  test("half open: silence is TIMEOUT, and the socket is closed", async () => {
    const server = await start((socket) => void socket.on("data", () => undefined));
    const error = await failure(clientOf(server.url, { timeout: 60 }).command(incr));
    expect(error).toMatchObject({ code: "TIMEOUT", effect: "unknown" });
    while (server.sockets.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  });
});

test("a redirect is not followed; its error names the host alone, and is not repeated", async () => {
  let requests = 0;
  const server = await start((socket) =>
    onRequests(socket, () => {
      requests += 1;
      socket.write(
        response(307, "", `location: https://else.example:8443/set/${CANARY}?_token=${TOKEN}\r\n`),
      );
    }),
  );
  const client = clientOf(server.url, { retry: { retries: 3, backoff: () => 0 } });
  const error = await failure(client.command(["GET", "k"]));
  expect(error).toMatchObject({ code: "REDIS", status: 307 });
  expect(error.message).toContain("else.example:8443");
  expect(requests).toBe(1);
});

describe("an upload", () => {
  const size = 3_000_000;
  /** A server that takes a body slowly, in turns of `pause` ms. */
  const slow = (pause: number): Promise<SocketServer> =>
    start((socket) => {
      let left = size;
      socket.on("data", (chunk) => {
        left -= chunk.length;
        socket.pause();
        setTimeout(() => socket.resume(), pause);
        if (left <= 0) {
          left = Infinity;
          socket.write(ok);
        }
      });
    });
  const body = (): Uint8Array => new Uint8Array(size).map((_, index) => (index * 2654435761) >>> 13);
  const limits = { timeout: 150, signal: undefined };

  test("is not silence, however long it takes", async () => {
    const server = await slow(25);
    const began = Date.now();
    const reply = await exchange(undefined, server.url, { method: "POST", body: body() as BodyInit }, limits);
    expect(await reply.text()).toContain("T0s=");
    expect(Date.now() - began).toBeGreaterThan(2 * limits.timeout);
  });

  test("of six pieces at once neither", async () => {
    const server = await slow(60);
    const replies = await Promise.all(
      Array.from({ length: 6 }, () =>
        exchange(undefined, server.url, { method: "POST", body: body() as BodyInit }, limits),
      ),
    );
    for (const reply of replies) expect(await reply.text()).toContain("T0s=");
  });

  test("that has arrived, and no answer: TIMEOUT after the time of its bytes", async () => {
    const server = await start((socket) => void socket.on("data", () => undefined));
    const small = new Uint8Array(80 << 10);
    const work = exchange(undefined, server.url, { method: "POST", body: small as BodyInit }, limits);
    expect(await failure(work)).toMatchObject({ code: "TIMEOUT" });
  });
});

describe("one signal", () => {
  test("for 100 requests at once: no warning; each ends with its reason; no listener stays", async () => {
    const warnings: string[] = [];
    const note = ({ name }: Error): void => void warnings.push(name);
    process.on("warning", note);
    const server = await start((socket) => void socket.on("data", () => undefined));
    const controller = new AbortController();
    let [added, removed] = [0, 0];
    const { signal } = controller;
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
      added += 1;
      addEventListener.apply(signal, args);
    };
    signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
      removed += 1;
      removeEventListener.apply(signal, args);
    };
    const client = clientOf(server.url, { signal });
    const all = Array.from({ length: 100 }, () => rejection(client.command(["GET", "k"])));
    while (server.connections < 100) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(added).toBe(1);
    const reason = new Error("enough");
    controller.abort(reason);
    expect(new Set(await Promise.all(all))).toEqual(new Set([reason]));
    expect(removed).toBe(1);
    while (server.sockets.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    process.off("warning", note);
    expect(warnings).toEqual([]);
  });

  test("of a client and one of each request, 3,000 times: nothing of them stays", async () => {
    const server = await start((socket) => onRequests(socket, () => socket.write(ok)));
    const { signal } = new AbortController();
    const client = clientOf(server.url, { signal });
    const refs: WeakRef<AbortSignal>[] = [];
    const round = async (): Promise<void> => {
      const own = new AbortController();
      refs.push(new WeakRef(own.signal));
      await client.command(["GET", "k"], { signal: own.signal });
    };
    for (let count = 0; count < 3000; count++) await round();
    const { setFlagsFromString } = await import("node:v8");
    const { runInNewContext } = await import("node:vm");
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    for (let turn = 0; turn < 5; turn++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      collect();
    }
    expect(refs.filter((ref) => ref.deref() !== undefined).length).toBeLessThan(100);
  });
});

describe("a host", () => {
  test("that throws its control flow through fetch gets it back as it was, at once", async () => {
    for (const mark of [{ digest: "DYNAMIC_SERVER_USAGE" }, { $$typeof: Symbol.for("react.postpone") }]) {
      const thrown = Object.assign(new Error("Dynamic server usage"), mark);
      let calls = 0;
      const fetch = (): Promise<Response> => {
        calls += 1;
        return Promise.reject(thrown);
      };
      const client = clientOf("http://127.0.0.1:1", { fetch, retry: { retries: 3, backoff: () => 0 } });
      for (const work of [
        () => client.command(["GET", "k"]),
        () => client.batch("pipeline", [["GET", "k"]]),
        () => client.open(["GET", "k"], openBulk),
      ]) {
        calls = 0;
        expect(await rejection(work())).toBe(thrown);
        expect(calls).toBe(1);
      }
    }
  });

  test('sees `cache: "no-store"` and no redirects on every fetch', async () => {
    const seen: RequestInit[] = [];
    const fetch = (_: string, init: RequestInit): Promise<Response> => {
      seen.push(init);
      return Promise.resolve(new Response('{"result":"T0s="}'));
    };
    const client = clientOf("http://127.0.0.1:1", { fetch });
    await client.command(["GET", "k"]);
    await client
      .batch("pipeline", [
        ["GET", "k"],
        ["GET", "j"],
      ])
      .catch(() => undefined);
    for (const { cache, redirect } of seen) expect([cache, redirect]).toEqual(["no-store", "manual"]);
    expect(seen.length).toBeGreaterThan(1);
  });
});

test("this run is over the adapter that it says", async () => {
  let head = "";
  const server = await start((socket) =>
    onRequests(socket, (lines) => {
      head = lines;
      socket.write(ok);
    }),
  );
  await clientOf(server.url).command(["GET", "k"]);
  // Only fetch names itself.
  expect(/\r\nuser-agent: /i.test(head)).toBe(overFetch);
});
