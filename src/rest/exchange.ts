import { ZstashError } from "../errors.ts";

/** What sends a request: the platform's `fetch`, or one that stands in for it. */
export type Fetch = (input: string, init: RequestInit) => Promise<Response>;

/** The head of a response, and its body as it arrives. */
export interface HttpReply {
  readonly status: number;
  readonly headers: Headers;
  /** The next chunk, never an empty one; undefined at the end. */
  read(): Promise<Uint8Array | undefined>;
  /** The rest as text, as far as anybody reads an error page. */
  text(): Promise<string>;
  /** Ends the exchange, whether the body was read or not. Can be called twice. */
  close(): void;
}

/** Characters of a body that says why a request failed. */
const TEXT_MAX = 64 << 10;

/** When an exchange is given up. */
export interface ExchangeLimits {
  /** Milliseconds to the response's head and from chunk to chunk; 0 for no limit. */
  readonly timeout: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * One HTTP request and the head of its response.
 *
 * Rejects with the signal's reason; with TIMEOUT; and with REDIS, the cause below it, where the connection fails.
 * In each case nobody knows whether the server has carried the request out. The same holds for `read` and `text`.
 */
export async function exchange(
  fetch: Fetch,
  url: string,
  init: RequestInit,
  { timeout, signal }: ExchangeLimits,
): Promise<HttpReply> {
  if (signal?.aborted === true) throw signal.reason;
  const deadline = new Deadline(timeout, signal);
  const arriving = callFetch(fetch, url, { ...init, signal: deadline.signal });
  const response = await deadline.wait(arriving).catch((error: unknown) => {
    // One that arrives all the same is not kept waiting for a reader.
    arriving.then(({ body }) => body?.cancel()).catch(() => undefined);
    throw error;
  });
  const reader = response.body?.getReader();
  let open = reader !== undefined;
  const close = (): void => {
    deadline.stop();
    if (!open) return;
    open = false;
    reader?.cancel().catch(() => undefined);
  };
  const read = async (): Promise<Uint8Array | undefined> => {
    while (open && reader !== undefined) {
      let next: ReadableStreamReadResult<Uint8Array>;
      try {
        next = await deadline.wait(reader.read());
      } catch (error) {
        close();
        throw error;
      }
      if (!next.done && next.value.length > 0) return next.value;
      if (next.done) {
        open = false;
        close();
      }
    }
    return undefined;
  };
  if (!open) close();
  return {
    status: response.status,
    headers: response.headers,
    read,
    async text() {
      const decoder = new TextDecoder();
      let text = "";
      for (let chunk = await read(); chunk !== undefined; chunk = await read()) {
        text += decoder.decode(chunk, { stream: true });
        if (text.length > TEXT_MAX) break;
      }
      close();
      return text + decoder.decode();
    },
    close,
  };
}

/** Where timers keep a process alive they can be told not to: a stream that nobody reads any more must not. */
interface ProcessTimer {
  ref?(): void;
  unref?(): void;
}

/**
 * Ends waiting when the caller's signal or the time-out says so, even where the platform ignores the signal that it
 * was given. One timer serves a whole exchange, and is set anew only when it fires too early: three timers and races a
 * request were 40 µs of its 500.
 */
class Deadline {
  readonly #timeout: number;
  readonly #outer: AbortSignal | undefined;
  readonly #ended = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** When waiting began; undefined while nobody waits. */
  #since: number | undefined;
  #reject: ((reason: unknown) => void) | undefined;

  constructor(timeout: number, outer: AbortSignal | undefined) {
    this.#timeout = timeout;
    this.#outer = outer;
    outer?.addEventListener("abort", this.#abort);
  }

  /** What ends the request. */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /** The result of one step of the exchange. After a failure nothing more is waited for. */
  wait<T>(work: Promise<T>): Promise<T> {
    this.#since = Date.now();
    if (this.#timeout > 0 && this.#timer === undefined) this.#arm(this.#timeout);
    (this.#timer as unknown as ProcessTimer | undefined)?.ref?.();
    return new Promise<T>((resolve, reject) => {
      this.#reject = reject;
      if (this.#ended.signal.aborted) reject(this.#ended.signal.reason);
      work.then(
        (result) => {
          this.#since = undefined;
          (this.#timer as unknown as ProcessTimer | undefined)?.unref?.();
          resolve(result);
        },
        (cause: unknown) => {
          const { aborted, reason } = this.#ended.signal;
          this.stop();
          reject(
            aborted
              ? reason
              : new ZstashError("REDIS", "Cannot reach the server: the connection failed", { cause }),
          );
        },
      );
    });
  }

  /** The exchange is over: nothing stays behind it. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#outer?.removeEventListener("abort", this.#abort);
  }

  readonly #abort = (): void => this.#end(this.#outer!.reason);

  readonly #check = (): void => {
    this.#timer = undefined;
    // A body that nobody reads any more is not waited for.
    if (this.#since === undefined) return;
    const left = this.#since + this.#timeout - Date.now();
    if (left > 0) this.#arm(left);
    else this.#end(timedOut(this.#timeout));
  };

  #arm(ms: number): void {
    this.#timer = setTimeout(this.#check, ms);
  }

  #end(reason: unknown): void {
    this.stop();
    this.#ended.abort(reason);
    this.#reject?.(reason);
  }
}

/** A stand-in that throws at once fails like one that rejects. */
async function callFetch(fetch: Fetch, url: string, init: RequestInit): Promise<Response> {
  return fetch(url, init);
}

function timedOut(timeout: number): ZstashError {
  return new ZstashError("TIMEOUT", `Cannot reach the server: no sign of life for ${timeout} ms`);
}
