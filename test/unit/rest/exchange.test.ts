/** One HTTP exchange: silence, signals, broken connections, and bodies in chunks. */
import { afterEach, describe, expect, test, vi } from "vitest";
import { ZstashError } from "../../../src/errors.ts";
import { exchange, type Fetch } from "../../../src/rest/exchange.ts";

const never = <T>(): Promise<T> => new Promise<T>(() => undefined);
const url = "http://127.0.0.1:1/";
const chunk = Uint8Array.of(1, 2, 3);

/** A response whose body is what `pull` makes of it; `cancelled` says what it was cancelled with. */
function streaming(pull: (controller: ReadableStreamDefaultController<Uint8Array>) => unknown): {
  response: Response;
  cancels: unknown[];
} {
  const cancels: unknown[] = [];
  const body = new ReadableStream<Uint8Array>(
    { pull: (controller) => pull(controller) as void, cancel: (reason) => void cancels.push(reason) },
    { highWaterMark: 0 },
  );
  return { response: new Response(body), cancels };
}

/** One chunk, and then nothing for ever. */
function stalling(): ReturnType<typeof streaming> {
  let given = false;
  return streaming((controller) => {
    if (given) return never();
    given = true;
    return controller.enqueue(chunk);
  });
}

async function failure(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
  } catch (error) {
    return error;
  }
  throw new Error("expected a rejection");
}

const limits = (
  timeout: number,
  signal?: AbortSignal,
): { timeout: number; signal: AbortSignal | undefined } => ({
  timeout,
  signal,
});

describe("a server that is silent", () => {
  test("before its head is TIMEOUT, even where fetch heeds no signal", async () => {
    const error = await failure(exchange(() => never(), url, {}, limits(5)));
    expect(error).toMatchObject({ name: "ZstashError", code: "TIMEOUT" });
  });

  test("is told of with the time that has passed, also where the event loop stood still", async () => {
    const start = performance.now();
    const failed = failure(exchange(() => never(), url, {}, limits(50)));
    await new Promise((resolve) => setTimeout(resolve, 5));
    while (performance.now() < start + 300);
    const told = Number(/no sign of life for (\d+) ms$/.exec(String(await failed))?.[1]);
    expect(told).toBeGreaterThanOrEqual(300);
    expect(told).toBeLessThanOrEqual(Math.ceil(performance.now() - start));
  });

  test("before its head ends the fetch that heeds its signal", async () => {
    let seen: AbortSignal | undefined;
    const fetch: Fetch = (_, { signal }) => {
      seen = signal!;
      return new Promise((_resolve, reject) =>
        signal!.addEventListener("abort", () => reject(signal!.reason)),
      );
    };
    expect(await failure(exchange(fetch, url, {}, limits(5)))).toMatchObject({ code: "TIMEOUT" });
    expect(seen!.aborted).toBe(true);
  });

  test("between chunks is TIMEOUT, and its body is cancelled", async () => {
    const { response, cancels } = stalling();
    const reply = await exchange(() => Promise.resolve(response), url, {}, limits(5));
    expect(await reply.read()).toEqual(chunk);
    expect(await failure(reply.read())).toMatchObject({ code: "TIMEOUT" });
    expect(cancels.length).toBe(1);
  });

  test("for shorter than the limit each time is waited for, however long it is in all", async () => {
    vi.useFakeTimers();
    try {
      let left = 10;
      const { response } = streaming(async (controller) => {
        await new Promise((resolve) => setTimeout(resolve, 900));
        if (left-- > 0) controller.enqueue(chunk);
        else controller.close();
      });
      const reply = await exchange(() => Promise.resolve(response), url, {}, limits(1000));
      const text = reply.text();
      await vi.advanceTimersByTimeAsync(12_000);
      expect((await text).length).toBe(30);
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  test("without a limit is waited for, with no timer", async () => {
    vi.useFakeTimers();
    try {
      const { response } = streaming(async (controller) => {
        await new Promise((resolve) => setTimeout(resolve, 2 ** 31 - 1));
        controller.close();
      });
      const reply = await exchange(() => Promise.resolve(response), url, {}, limits(0));
      const text = reply.text();
      await vi.advanceTimersByTimeAsync(1000);
      expect(vi.getTimerCount()).toBe(1);
      await vi.advanceTimersByTimeAsync(2 ** 31);
      expect(await text).toBe("");
    } finally {
      vi.useRealTimers();
    }
  });

  test("and answers after all: that response is dropped, and its body cancelled", async () => {
    const { response, cancels } = stalling();
    let answer: ((response: Response) => void) | undefined;
    const late = new Promise<Response>((resolve) => (answer = resolve));
    expect(await failure(exchange(() => late, url, {}, limits(5)))).toMatchObject({ code: "TIMEOUT" });
    answer!(response);
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(cancels.length).toBe(1);
  });
});

describe("a short body that fetch reads at once", () => {
  afterEach(() => void vi.useRealTimers().unstubAllGlobals());

  /** Reads 32 KiB, which the slowest link takes a second for, of a server that says nothing for `pause` ms. */
  const readAfter = async (pause: number): Promise<unknown> => {
    vi.useFakeTimers();
    const { response } = streaming(async (controller) => {
      await new Promise((resolve) => setTimeout(resolve, pause));
      controller.enqueue(new Uint8Array(32 << 10));
      controller.close();
    });
    response.headers.set("content-length", `${32 << 10}`);
    vi.stubGlobal("fetch", () => Promise.resolve(response));
    const reply = await exchange(undefined, url, {}, limits(1000));
    const size = reply.read().then(
      (bytes) => bytes?.length,
      (error: ZstashError) => error.code,
    );
    await vi.advanceTimersByTimeAsync(4000);
    return size;
  };

  test("has the time of its bytes besides the limit, as none of them is seen", async () => {
    expect(await readAfter(1900)).toBe(32 << 10);
  });

  test("is TIMEOUT after that", async () => {
    expect(await readAfter(2100)).toBe("TIMEOUT");
  });
});

describe("timers", () => {
  afterEach(() => void vi.useRealTimers().restoreAllMocks().resetModules());
  const whole = (): Promise<Response> => Promise.resolve(new Response("body"));
  const run = async (timeout: number): Promise<void> => {
    await (await exchange(whole, url, {}, limits(timeout))).text();
  };

  test("of an exchange end with it, so that none of another request's context stays behind", async () => {
    vi.useFakeTimers();
    for (let count = 0; count < 10; count++) {
      await run(50_000);
      expect(vi.getTimerCount()).toBe(0);
    }
    await Promise.all([run(50_000), run(50_000), run(50_000)]);
    expect(vi.getTimerCount()).toBe(0);
    // Whoever clears all timers meanwhile takes none away from a later request.
    vi.clearAllTimers();
    const late = failure(exchange(() => never(), url, {}, limits(1000)));
    await vi.advanceTimersByTimeAsync(1010);
    expect(await late).toMatchObject({ code: "TIMEOUT" });
  });

  test("keep the process alive while somebody waits", async () => {
    const set = vi.spyOn(globalThis, "setTimeout");
    const controller = new AbortController();
    const waiting = failure(exchange(() => never(), url, {}, limits(30_000, controller.signal)));
    const { value } = set.mock.results.at(-1)!;
    expect((value as NodeJS.Timeout).hasRef()).toBe(true);
    controller.abort();
    await waiting;
    // A body that rests unread keeps none alive.
    const { response } = streaming((body) => body.enqueue(chunk));
    const reply = await exchange(() => Promise.resolve(response), url, {}, limits(30_000));
    await reply.read();
    expect((set.mock.results.at(-1)!.value as NodeJS.Timeout).hasRef()).toBe(false);
    reply.close();
  });

  test("that ring for an exchange before give the next its whole time", async () => {
    vi.useFakeTimers();
    await run(1000);
    await vi.advanceTimersByTimeAsync(900);
    let end: unknown;
    void failure(exchange(() => never(), url, {}, limits(1000))).then((error) => (end = error));
    await vi.advanceTimersByTimeAsync(990);
    expect(end).toBeUndefined();
    await vi.advanceTimersByTimeAsync(20);
    expect(end).toMatchObject({ code: "TIMEOUT" });
    expect(vi.getTimerCount()).toBe(0);
  });

  test("of a clock that is no longer the process's are not relied on", async () => {
    vi.useFakeTimers();
    await run(5);
    vi.useRealTimers();
    expect(await failure(exchange(() => never(), url, {}, limits(10)))).toMatchObject({ code: "TIMEOUT" });
  });
});

describe("a signal", () => {
  const reason = new Error("enough");

  test("that is aborted already sends nothing", async () => {
    let sent = 0;
    const fetch: Fetch = () => ((sent += 1), never());
    expect(await failure(exchange(fetch, url, {}, limits(0, AbortSignal.abort(reason))))).toBe(reason);
    expect(sent).toBe(0);
  });

  test("that the fetch itself aborts ends the wait", async () => {
    const controller = new AbortController();
    const fetch: Fetch = () => {
      controller.abort(reason);
      return never();
    };
    expect(await failure(exchange(fetch, url, {}, limits(60_000, controller.signal)))).toBe(reason);
  });

  test("ends the wait for the head, even where fetch heeds none", async () => {
    const controller = new AbortController();
    const pending = failure(exchange(() => never(), url, {}, limits(0, controller.signal)));
    controller.abort(reason);
    expect(await pending).toBe(reason);
  });

  test("ends the wait for a chunk and cancels the body", async () => {
    const controller = new AbortController();
    const { response, cancels } = stalling();
    const reply = await exchange(() => Promise.resolve(response), url, {}, limits(0, controller.signal));
    await reply.read();
    const pending = failure(reply.read());
    controller.abort(reason);
    expect(await pending).toBe(reason);
    expect(cancels.length).toBe(1);
  });

  test("between two reads ends the next", async () => {
    const controller = new AbortController();
    const { response, cancels } = streaming((body) => body.enqueue(chunk));
    const reply = await exchange(() => Promise.resolve(response), url, {}, limits(0, controller.signal));
    await reply.read();
    controller.abort(reason);
    expect(await failure(reply.read())).toBe(reason);
    expect(cancels.length).toBe(1);
  });

  test("holds no listener once the exchange is over, however it ended", async () => {
    const controller = new AbortController();
    const added = vi.spyOn(controller.signal, "addEventListener");
    const removed = vi.spyOn(controller.signal, "removeEventListener");
    const run = async (
      fetch: Fetch,
      end: (reply: Awaited<ReturnType<typeof exchange>>) => unknown,
    ): Promise<void> => {
      const reply = await exchange(fetch, url, {}, limits(0, controller.signal)).catch(() => undefined);
      if (reply !== undefined) await end(reply);
    };
    const whole = (): Promise<Response> => Promise.resolve(new Response("body"));
    await run(whole, (reply) => reply.text());
    await run(whole, (reply) => reply.close());
    await run(
      () => Promise.reject(new TypeError("fetch failed")),
      () => undefined,
    );
    await run(
      () => Promise.resolve(streaming((body) => body.error(new Error("reset"))).response),
      (reply) => reply.read().catch(() => undefined),
    );
    expect(added.mock.calls.length).toBe(4);
    const left = new Set(added.mock.calls.map(([, listener]) => listener));
    for (const [, listener] of removed.mock.calls) left.delete(listener);
    expect(left.size).toBe(0);
  });
});

describe("a connection that fails", () => {
  test.each<[string, Fetch]>([
    ["rejects", () => Promise.reject(new TypeError("fetch failed"))],
    [
      "throws",
      () => {
        throw new TypeError("fetch failed");
      },
    ],
  ])("fetch %s: REDIS, the cause below it", async (_, fetch) => {
    const error = (await failure(exchange(fetch, url, {}, limits(0)))) as ZstashError;
    expect(error).toBeInstanceOf(ZstashError);
    expect(error.code).toBe("REDIS");
    expect(error.cause).toBeInstanceOf(TypeError);
  });

  test("in the body is REDIS", async () => {
    const { response } = streaming((controller) => controller.error(new Error("terminated")));
    const reply = await exchange(() => Promise.resolve(response), url, {}, limits(0));
    expect(await failure(reply.text())).toMatchObject({ code: "REDIS", cause: { message: "terminated" } });
  });
});

describe("a body", () => {
  test("comes without its empty chunks, and ends", async () => {
    const parts = [new Uint8Array(0), chunk, new Uint8Array(0), new Uint8Array(0), chunk, new Uint8Array(0)];
    const { response } = streaming((controller) => {
      const part = parts.shift();
      if (part === undefined) controller.close();
      else controller.enqueue(part);
    });
    const reply = await exchange(() => Promise.resolve(response), url, {}, limits(1000));
    expect([await reply.read(), await reply.read(), await reply.read(), await reply.read()]).toEqual([
      chunk,
      chunk,
      undefined,
      undefined,
    ]);
  });

  test("that is missing is an empty one", async () => {
    const reply = await exchange(() => Promise.resolve(new Response(null)), url, {}, limits(1000));
    expect(await reply.read()).toBeUndefined();
    expect(await reply.text()).toBe("");
    reply.close();
    reply.close();
  });

  test("as text is UTF-8 whose characters may be split", async () => {
    const bytes = new TextEncoder().encode("a\u{1F600}é");
    let at = 0;
    const { response } = streaming((controller) =>
      at < bytes.length ? controller.enqueue(bytes.slice(at, ++at)) : controller.close(),
    );
    const reply = await exchange(() => Promise.resolve(response), url, {}, limits(1000));
    expect(await reply.text()).toBe("a\u{1F600}é");
  });
});
