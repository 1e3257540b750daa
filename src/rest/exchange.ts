import { ZstashError } from "../errors.ts";

/** What sends a request: the platform's `fetch`, or one that stands in for it. */
export type Fetch = (input: string, init: RequestInit) => Promise<Response>;

/** The head of a response, and its body as it arrives. */
export interface HttpReply {
  readonly status: number;
  readonly headers: Headers;
  /** The next chunk, never an empty one; undefined at the end. */
  read(): Promise<Uint8Array | undefined>;
  /** The whole rest as text. */
  text(): Promise<string>;
  /** Ends the exchange, whether the body was read or not. Can be called twice. */
  close(): void;
}

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
  const ended = new AbortController();
  const abort = (): void => ended.abort(signal!.reason);
  if (signal?.aborted === true) throw signal.reason;
  signal?.addEventListener("abort", abort, { once: true });
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;

  const close = (): void => {
    signal?.removeEventListener("abort", abort);
    reader?.cancel().catch(() => undefined);
    reader = undefined;
  };
  /** Waits for a sign of life, and no longer than the limits say, even where the platform ignores the signal. */
  const watch = async <T>(work: Promise<T>): Promise<T> => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let stop = (): void => undefined;
    const given = new Promise<never>((_, reject) => {
      stop = () => reject(ended.signal.reason);
      if (ended.signal.aborted) stop();
      ended.signal.addEventListener("abort", stop);
      if (timeout > 0) timer = setTimeout(() => ended.abort(timedOut(timeout)), timeout);
    });
    try {
      return await Promise.race([work, given]);
    } catch (error) {
      work.catch(() => undefined);
      close();
      if (ended.signal.aborted) throw ended.signal.reason;
      ended.abort(error);
      throw new ZstashError("REDIS", "Cannot reach the server: the connection failed", { cause: error });
    } finally {
      clearTimeout(timer);
      ended.signal.removeEventListener("abort", stop);
    }
  };

  const response = await watch(callFetch(fetch, url, { ...init, signal: ended.signal }));
  const chunks = response.body?.getReader();
  reader = chunks as ReadableStreamDefaultReader<Uint8Array> | undefined;
  const read = async (): Promise<Uint8Array | undefined> => {
    for (;;) {
      if (reader === undefined) return undefined;
      const { done, value } = await watch(reader.read());
      if (!done && value.length > 0) return value;
      if (done) {
        close();
        return undefined;
      }
    }
  };
  return {
    status: response.status,
    headers: response.headers,
    read,
    async text() {
      const decoder = new TextDecoder();
      let text = "";
      for (let chunk = await read(); chunk !== undefined; chunk = await read()) {
        text += decoder.decode(chunk, { stream: true });
      }
      return text + decoder.decode();
    },
    close,
  };
}

/** A stand-in that throws at once fails like one that rejects. */
async function callFetch(fetch: Fetch, url: string, init: RequestInit): Promise<Response> {
  return fetch(url, init);
}

function timedOut(timeout: number): ZstashError {
  return new ZstashError("TIMEOUT", `Cannot reach the server: no sign of life for ${timeout} ms`);
}
