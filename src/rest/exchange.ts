/** Sends one HTTP request and reads its response, bounded by a time-out and a signal: the only place that calls `fetch`. */
import { ZstashError } from "../errors.ts";

/** Sends a request: the platform's `fetch`, or a function that stands in for it. */
export type Fetch = (input: string, init: RequestInit) => Promise<Response>;

/** The head of a response, and its body as it arrives. */
export interface HttpReply {
  readonly status: number;
  readonly headers: Headers;
  /** The next chunk, never an empty one; undefined at the end. */
  read(): Promise<Uint8Array | undefined>;
  /** The rest as text, as far as anybody reads an error page. */
  text(): Promise<string>;
  /** Ends the exchange, whether or not the body was read. Can be called twice. */
  close(): void;
}

/** Characters of a body that says why a request failed. */
const TEXT_MAX = 64 << 10;

/** Limits of an exchange. */
export interface ExchangeLimits {
  /** Milliseconds to the response's head and from chunk to chunk; 0 for no limit. */
  readonly timeout: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * Sends a request and resolves with the head of its response. Without `send` the platform's `fetch` sends it, looked up
 * at every request.
 *
 * Rejects with the signal's reason, with TIMEOUT, and with REDIS and its cause if the connection fails. The effect of
 * the request is then unknown. `read` and `text` reject in the same way.
 */
export async function exchange(
  send: Fetch | undefined,
  url: string,
  init: RequestInit,
  { timeout, signal }: ExchangeLimits,
): Promise<HttpReply> {
  if (signal?.aborted === true) throw signal.reason;
  const deadline = new Deadline(timeout, signal);
  const arriving = callFetch(send, url, { ...init, signal: deadline.signal });
  const response = await deadline.wait(arriving).catch((error: unknown) => {
    // A response that arrives all the same must not wait for a reader.
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

/** Node timers keep the process alive unless unref'd; an abandoned stream must not. */
interface ProcessTimer {
  ref?(): void;
  unref?(): void;
}

/**
 * Ends waiting at the caller's signal or the time-out, even if the platform ignores the signal that it was given. One
 * timer serves a whole exchange, and is set anew only when it fires too early: three timers and races a request cost
 * 40 µs of its 500.
 */
class Deadline {
  readonly #timeout: number;
  readonly #outer: AbortSignal | undefined;
  readonly #ended = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The time at which waiting began; undefined while nobody waits. */
  #since: number | undefined;
  #reject: ((reason: unknown) => void) | undefined;

  constructor(timeout: number, outer: AbortSignal | undefined) {
    this.#timeout = timeout;
    this.#outer = outer;
    outer?.addEventListener("abort", this.#abort);
  }

  /** Ends the request. */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /** Waits for one step of the exchange. After a failure nothing more is waited for. */
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
          reject(aborted ? reason : unreachable("REDIS", "the connection failed", cause));
        },
      );
    });
  }

  /** Ends the exchange: no timer and no listener stays behind. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#outer?.removeEventListener("abort", this.#abort);
  }

  readonly #abort = (): void => this.#end(this.#outer!.reason);

  readonly #check = (): void => {
    this.#timer = undefined;
    // Nobody waits while a body rests unread.
    if (this.#since === undefined) return;
    const left = this.#since + this.#timeout - Date.now();
    if (left > 0) this.#arm(left);
    else this.#end(unreachable("TIMEOUT", `no sign of life for ${this.#timeout} ms`));
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

/** Async, so that a stand-in that throws at once fails like one that rejects. */
async function callFetch(send: Fetch | undefined, url: string, init: RequestInit): Promise<Response> {
  return send === undefined ? fetch(url, init) : send(url, init);
}

function unreachable(code: "REDIS" | "TIMEOUT", reason: string, cause?: unknown): ZstashError {
  return new ZstashError(code, `Cannot reach the server: ${reason}`, { effect: "unknown", cause });
}

/** Joins two signals, either of which may be missing. The first to be aborted gives the reason. */
export function anyOf(a: AbortSignal | undefined, b: AbortSignal | undefined): AbortSignal | undefined {
  if (a === undefined || b === undefined || a === b) return a ?? b;
  // The platform's own holds its sources weakly: a signal of the client outlives its requests.
  if (typeof AbortSignal.any === "function") return AbortSignal.any([a, b]);
  const both = new AbortController();
  for (const signal of [a, b]) {
    if (signal.aborted) both.abort(signal.reason);
    else
      signal.addEventListener("abort", () => both.abort(signal.reason), { once: true, signal: both.signal });
  }
  return both.signal;
}
