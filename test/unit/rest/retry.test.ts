/** The parts of a retry: what passes, signals, the form of replies, the sync token, and texts of servers. */
import { describe, expect, test } from "vitest";
import { anyOf } from "../../../src/signals.ts";
import { connectionError, isCertificateError } from "../../../src/rest/connection-error.ts";
import { readRestOptions, readRetry, type TokenStore } from "../../../src/rest/rest-options.ts";
import { isPassing, retryAfter } from "../../../src/rest/retry.ts";
import { ReplyFormats } from "../../../src/rest/read-reply.ts";
import { RestClient } from "../../../src/rest/client.ts";
import {
  cleanServerText,
  readErrorBody,
  serverError,
  serverErrorCode,
} from "../../../src/rest/server-error.ts";
import { seededRandom } from "../../support/random.ts";

describe("Retry-After", () => {
  const now = Date.parse("2026-03-01T12:00:00Z");

  test.each<[string | null, number | undefined]>([
    [null, undefined],
    ["", undefined],
    ["  ", undefined],
    ["soon", undefined],
    ["0", 0],
    ["2", 2000],
    [" 2 ", 2000],
    ["30", 30_000],
    ["31", Infinity],
    ["3600", Infinity],
    ["9".repeat(400), Infinity],
    ["Sun, 01 Mar 2026 12:00:05 GMT", 5000],
    ["Sun, 01 Mar 2026 11:59:00 GMT", 0],
    ["Sun, 01 Mar 2026 12:00:30 GMT", 30_000],
    ["Sun, 01 Mar 2026 12:00:31 GMT", Infinity],
    ["Fri, 31 Dec 9999 23:59:59 GMT", Infinity],
  ])("%j is %s ms", (header, ms) => {
    expect(retryAfter(header, now)).toBe(ms);
  });
});

describe("the policy", () => {
  test("waits twice as long and more each time, up to a bound, less a random share of up to a half", () => {
    const { retries, backoff } = readRetry();
    expect(retries).toBe(5);
    for (let retry = 0; retry < 30; retry++) {
      const full = Math.min(10_000, 50 * Math.exp(retry));
      const waits = Array.from({ length: 200 }, () => backoff(retry));
      expect(Math.min(...waits)).toBeGreaterThanOrEqual(full / 2);
      expect(Math.max(...waits)).toBeLessThanOrEqual(full);
      expect(new Set(waits).size).toBeGreaterThan(100);
    }
  });

  test("may be none, or one's own", () => {
    expect(readRetry(false).retries).toBe(0);
    const backoff = (): number => 1;
    expect(readRetry({ retries: 0 }).retries).toBe(0);
    expect(readRetry({ retries: 100, backoff })).toEqual({ retries: 100, backoff });
    expect(readRetry({ backoff }).retries).toBe(5);
  });

  test.each<[unknown, typeof TypeError]>([
    [null, TypeError],
    [true, TypeError],
    [3, TypeError],
    [{ retries: "3" }, TypeError],
    [{ retries: 1.5 }, RangeError],
    [{ retries: -1 }, RangeError],
    [{ retries: 101 }, RangeError],
    [{ retries: Number.NaN }, RangeError],
    [{ backoff: 50 }, TypeError],
    [{ attempts: 3 }, TypeError],
  ])("%j is refused", (retry, kind) => {
    expect(() => readRetry(retry as false)).toThrow(kind);
    expect(() => readRetry(retry as false)).toThrow(/"retry/);
  });

  test.each([
    [200, false],
    [400, false],
    [401, false],
    [403, false],
    [404, false],
    [408, true],
    [413, false],
    [425, true],
    [429, true],
    [500, true],
    [502, true],
    [503, true],
    [599, true],
  ])("status %i passes: %s", (status, passes) => {
    expect(isPassing(status)).toBe(passes);
  });
});

describe("a failure before anything was sent", () => {
  const failed = (details: object, cause?: unknown): Error =>
    Object.assign(new Error("failed", { cause }), details);

  test.each<[string, unknown, boolean | undefined]>([
    ["a refused connection", failed({ code: "ECONNREFUSED", syscall: "connect" }), true],
    [
      "a refused connection of fetch",
      new TypeError("fetch failed", { cause: failed({ code: "ECONNREFUSED" }) }),
      true,
    ],
    ["a refused connection of Bun", failed({ code: "ConnectionRefused" }), true],
    ["a look-up that failed for now", failed({ code: "EAI_AGAIN", syscall: "getaddrinfo" }), true],
    ["a name that is not there", failed({ code: "ENOTFOUND" }), true],
    ["no connection in time", failed({ code: "UND_ERR_CONNECT_TIMEOUT" }), true],
    ["a connection that times out", failed({ code: "ETIMEDOUT", syscall: "connect" }), true],
    [
      "all addresses of a name",
      failed({ errors: [failed({ code: "EHOSTUNREACH", syscall: "connect" }), failed({})] }),
      true,
    ],
    ["a certificate of nobody", failed({ code: "DEPTH_ZERO_SELF_SIGNED_CERT" }), false],
    ["a certificate of another name", failed({ code: "ERR_TLS_CERT_ALTNAME_INVALID" }), false],
    ["a certificate of the past", new TypeError("x", { cause: failed({ code: "CERT_HAS_EXPIRED" }) }), false],
    ["a reset", failed({ code: "ECONNRESET", syscall: "read" }), undefined],
    ["a broken pipe", failed({ code: "EPIPE", syscall: "write" }), undefined],
    ["a host that goes away", failed({ code: "EHOSTUNREACH", syscall: "read" }), undefined],
    ["a socket that was closed", failed({ code: "UND_ERR_SOCKET" }), undefined],
    ["no error at all", undefined, undefined],
    ["a text", "ECONNREFUSED", undefined],
  ])("%s", (_, error, passing) => {
    const { effect } = connectionError("http://localhost", error, false);
    expect(effect).toBe(passing === undefined ? "unknown" : "none");
    expect(isCertificateError(error)).toBe(passing === false);
  });

  test("of causes in a circle comes to an end", () => {
    const error: Error & { cause?: unknown } = new Error("a");
    error.cause = error;
    expect(connectionError("http://localhost", error, false).effect).toBe("unknown");
  });
});

describe("two signals", () => {
  test("are one, which gives the reason of the first to end", () => {
    for (const native of [true, false]) {
      const any = AbortSignal.any;
      if (!native) Object.assign(AbortSignal, { any: undefined });
      try {
        const [a, b] = [new AbortController(), new AbortController()];
        const both = anyOf(a.signal, b.signal)!;
        expect(both.aborted).toBe(false);
        b.abort("second");
        a.abort("first");
        expect(both.reason).toBe("second");
        const late = anyOf(new AbortController().signal, a.signal)!;
        expect([late.aborted, late.reason]).toEqual([true, "first"]);
      } finally {
        Object.assign(AbortSignal, { any });
      }
    }
  });

  test("one of which is missing are the other", () => {
    const { signal } = new AbortController();
    expect(anyOf(signal, undefined)).toBe(signal);
    expect(anyOf(undefined, signal)).toBe(signal);
    expect(anyOf(signal, signal)).toBe(signal);
    expect(anyOf(undefined, undefined)).toBeUndefined();
  });
});

describe("the form of replies that is asked for", () => {
  test("is base64 for several commands and for what must not run twice, until RESP2 is known", () => {
    const formats = new ReplyFormats();
    expect(formats.unknown).toBe(true);
    expect(formats.choose(false, () => true, 0)).toBe("base64");
    expect(formats.choose(true, () => false, 0)).toBe("base64");
    expect(formats.choose(true, () => true, 0)).toBe("resp2");
    // The header may have been what failed.
    expect(formats.choose(true, () => true, 1)).toBe("base64");
  });

  test("is RESP2 for every single command where it is known", () => {
    const formats = new ReplyFormats();
    formats.learn(true);
    expect(formats.unknown).toBe(false);
    expect(formats.choose(true, () => false, 0)).toBe("resp2");
    expect(formats.choose(true, () => true, 3)).toBe("resp2");
    expect(formats.choose(false, () => true, 0)).toBe("base64");
  });

  test("is base64 where it is known not to be there", () => {
    const formats = new ReplyFormats();
    formats.learn(false);
    expect(formats.choose(true, () => true, 0)).toBe("base64");
    formats.learn(true);
    expect(formats.choose(true, () => true, 0)).toBe("resp2");
  });

  test("is base64 after two requests that failed in RESP2 alone, and not after one", () => {
    const formats = new ReplyFormats();
    formats.fellBack();
    expect(formats.choose(true, () => true, 0)).toBe("resp2");
    formats.fellBack();
    expect(formats.choose(true, () => true, 0)).toBe("base64");
    expect(formats.unknown).toBe(false);
  });

  test("stays RESP2 where it is known, whatever fails", () => {
    const formats = new ReplyFormats();
    formats.learn(true);
    for (let round = 0; round < 5; round++) formats.fellBack();
    expect(formats.choose(true, () => true, 0)).toBe("resp2");
  });
});

describe("the sync token", () => {
  /** A client whose requests are answered when the test says so, with a token or without. */
  function start(): { store: TokenStore; send(): Promise<Sent> } {
    const store: TokenStore = { readYourWrites: true, upstashSyncToken: "" };
    let seen: ((sent: Omit<Sent, "answer"> & { respond: (response: Response) => void }) => void) | undefined;
    const client = new RestClient(
      readRestOptions(
        {
          url: "http://127.0.0.1:1",
          token: "t",
          fetch: (_, init) =>
            new Promise((respond) =>
              seen!({ token: new Headers(init.headers).get("upstash-sync-token"), respond }),
            ),
        },
        store,
      ),
    );
    return {
      store,
      send: () =>
        new Promise((resolve) => {
          seen = ({ token, respond }) =>
            resolve({
              token,
              async answer(given) {
                const headers: Record<string, string> = given === null ? {} : { "upstash-sync-token": given };
                respond(new Response("+OK\r\n", { headers }));
                await answered;
              },
            });
          const answered = client.command(["GET", "k"]);
        }),
    };
  }
  interface Sent {
    readonly token: string | null;
    answer(token: string | null): Promise<void>;
  }

  test("is that of the request which was started last, in whatever order the replies come", async () => {
    const { store, send } = start();
    expect((await send()).token).toBeNull();
    const [a, b, c] = [await send(), await send(), await send()];
    await b.answer("b");
    expect(store.upstashSyncToken).toBe("b");
    await a.answer("a");
    expect(store.upstashSyncToken).toBe("b");
    await c.answer("c");
    expect(store.upstashSyncToken).toBe("c");
    expect((await send()).token).toBe("c");
  });

  test("of a reply without one is none, and hides no earlier one that comes later", async () => {
    const { store, send } = start();
    const [a, b] = [await send(), await send()];
    await b.answer(null);
    expect(store.upstashSyncToken).toBe("");
    await a.answer("a");
    expect(store.upstashSyncToken).toBe("a");
    await (await send()).answer(null);
    expect(store.upstashSyncToken).toBe("");
  });

  test("never goes back, in random orders", async () => {
    const random = seededRandom(5);
    for (let round = 0; round < 20; round++) {
      const { store, send } = start();
      const open: { number: number; sent: Sent }[] = [];
      let newest = -1;
      for (let number = 0; number < 30; number++) {
        open.push({ number, sent: await send() });
        while (open.length > 0 && random.below(2) === 0) {
          const [one] = open.splice(random.below(open.length), 1);
          await one!.sent.answer(`${one!.number}`);
          newest = Math.max(newest, one!.number);
          expect(store.upstashSyncToken).toBe(`${newest}`);
        }
      }
    }
  });
});

describe("what a server says", () => {
  test.each([
    ["ERR max request size exceeded. Limit: 10 bytes, Actual: 20 bytes.", "REQUEST_LIMIT"],
    ["ERR max single record size exceeded. Limit: 1", "RECORD_LIMIT"],
    ["ERR string exceeds maximum allowed size (proto-max-bulk-len)", "RECORD_LIMIT"],
    ["WRONGTYPE Operation against a key", "REDIS"],
    ["", "REDIS"],
  ])("%j is %s", (text, code) => {
    expect(serverErrorCode(text)).toBe(code);
    expect(serverError("run SET", text, { status: 400 })).toMatchObject({
      code,
      status: 400,
      message: `Cannot run SET: ${text}`,
    });
    expect("status" in serverError("run SET", text)).toBe(false);
  });

  test.each([
    "ERR unknown command 'foo', with args beginning with: 'hunter2' 'x' ",
    "ERR unknown command `foo`, with args beginning with: `hunter2`, ",
    'ERR wrong number of arguments, command was: ["set","k","hunter2"]',
    'ERR x, command was: ["set","k","with args beginning with: \nhunter2"]',
  ])("%j is repeated without the arguments", (text) => {
    const clean = cleanServerText(text);
    expect(clean).toMatch(/^ERR /);
    expect(clean).not.toContain("hunter2");
    expect(serverError("run FOO", text).message).not.toContain("hunter2");
  });

  test("is repeated up to some length", () => {
    expect(cleanServerText("e".repeat(100_000)).length).toBeLessThanOrEqual(301);
    expect(cleanServerText("e".repeat(300))).toBe("e".repeat(300));
  });

  test.each<[string, string | undefined]>([
    ['{"error":"ERR x"}', "ERR x"],
    ['{"error":1}', undefined],
    ['{"result":"x"}', undefined],
    ["null", undefined],
    ["[]", undefined],
    ['"text"', undefined],
    ["<html>", undefined],
    ["", undefined],
  ])("in the body %j is %j", (body, text) => {
    expect(readErrorBody(body).said).toBe(text);
  });
});
