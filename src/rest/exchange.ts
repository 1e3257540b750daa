/** Sends one HTTP request and reads its response, bounded by a time-out and a signal: the only place that sends. */
import { openFlight } from "#http";
import type { Fetch, Flight, HttpResponse } from "../adapters/http/flight.ts";
import { onAbort } from "../signals.ts";
import { connectionError, isHostControlFlow, redirectError, silenceError } from "./connection-error.ts";
import { startUpload, UPLOAD_MIN, type UploadShare } from "./uploads.ts";

export type { Fetch } from "../adapters/http/flight.ts";
export { anyOf } from "../signals.ts";

/** The head of a response, and its body as it arrives. */
export interface HttpReply extends HttpResponse {
  /** The rest as text, as far as anybody reads an error page. */
  text(): Promise<string>;
  /** Ends the exchange, whether or not the body was read. Can be called twice. */
  close(): void;
}

/** Characters of a body that says why a request failed. */
const TEXT_MAX = 64 << 10;

/** Limits of an exchange. */
export interface ExchangeLimits {
  /**
   * Milliseconds without a byte in either direction; 0 for no limit. While a body goes up it is longer, because what
   * leaves the process is seen only in part: see `startUpload`.
   */
  readonly timeout: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * Sends a request and resolves with the head of its response. Without `send` the platform's adapter sends it.
 *
 * Rejects with the signal's reason, with TIMEOUT, and with REDIS and its cause if the connection fails; the error's
 * effect says whether the request may have arrived. Errors that are the host's control flow pass as they are. `read` and
 * `text` reject in the same way. No redirect is followed.
 */
export async function exchange(
  send: Fetch | undefined,
  url: string,
  init: RequestInit,
  { timeout, signal }: ExchangeLimits,
): Promise<HttpReply> {
  if (signal?.aborted === true) throw signal.reason;
  const flight = openFlight(send, url, init);
  const deadline = new Deadline(flight, url, timeout, signal);
  const response = await deadline.wait(flight.response);
  deadline.arrived();
  const reply = new Reply(response, flight, deadline);
  // A redirect that a page must not see has status 0.
  const { status } = response;
  if (status === 0 || (status >= 300 && status < 400 && status !== 304)) {
    reply.close();
    throw redirectError(url, status, response.headers.get("location"));
  }
  return reply;
}

class Reply implements HttpReply {
  readonly status: number;
  readonly headers: HttpResponse["headers"];
  readonly #response: HttpResponse;
  readonly #flight: Flight;
  readonly #deadline: Deadline;
  #open = true;

  constructor(response: HttpResponse, flight: Flight, deadline: Deadline) {
    this.status = response.status;
    this.headers = response.headers;
    this.#response = response;
    this.#flight = flight;
    this.#deadline = deadline;
  }

  async read(): Promise<Uint8Array | undefined> {
    if (!this.#open) return undefined;
    try {
      const chunk = await this.#deadline.wait(this.#response.read());
      if (chunk !== undefined) return chunk;
    } catch (error) {
      this.close();
      throw error;
    }
    this.#open = false;
    this.#deadline.stop();
    return undefined;
  }

  async text(): Promise<string> {
    const decoder = new TextDecoder();
    let text = "";
    for (let chunk = await this.read(); chunk !== undefined; chunk = await this.read()) {
      text += decoder.decode(chunk, { stream: true });
      if (text.length > TEXT_MAX) break;
    }
    this.close();
    return text + decoder.decode();
  }

  close(): void {
    this.#deadline.stop();
    if (!this.#open) return;
    this.#open = false;
    this.#flight.abort(undefined);
  }
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
  readonly #flight: Flight;
  readonly #url: string;
  readonly #timeout: number;
  readonly #ignore: (() => void) | undefined;
  #upload: UploadShare | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The time at which waiting began; undefined while nobody waits. */
  #since: number | undefined;
  #reject: ((reason: unknown) => void) | undefined;
  #end: { readonly reason: unknown } | undefined;

  constructor(flight: Flight, url: string, timeout: number, outer: AbortSignal | undefined) {
    this.#flight = flight;
    this.#url = url;
    this.#timeout = timeout;
    if (timeout > 0 && flight.unseen >= UPLOAD_MIN) this.#upload = startUpload(url, flight.unseen);
    // A `fetch` that was given may have aborted it meanwhile.
    if (outer?.aborted === true) this.#finish(outer.reason);
    else if (outer !== undefined) this.#ignore = onAbort(outer, () => this.#finish(outer.reason));
  }

  /** Waits for one step of the exchange. After a failure nothing more is waited for. */
  wait<T>(work: Promise<T>): Promise<T> {
    if (this.#end !== undefined) {
      work.catch(() => undefined);
      return Promise.reject(this.#end.reason);
    }
    this.#since = performance.now();
    if (this.#timeout > 0 && this.#timer === undefined) this.#arm(this.#limit());
    (this.#timer as unknown as ProcessTimer | undefined)?.ref?.();
    return new Promise<T>((resolve, reject) => {
      this.#reject = reject;
      work.then(
        (result) => {
          this.#since = undefined;
          (this.#timer as unknown as ProcessTimer | undefined)?.unref?.();
          resolve(result);
        },
        (cause: unknown) => {
          this.stop();
          if (this.#end !== undefined) reject(this.#end.reason);
          else if (isHostControlFlow(cause)) reject(cause);
          else reject(connectionError(this.#url, cause, this.#flight.unsent));
        },
      );
    });
  }

  /** The head is here, and with it all that was to go up. */
  arrived(): void {
    this.#upload?.end();
    this.#upload = undefined;
  }

  /** Ends the exchange: no timer and no listener stays behind. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#ignore?.();
    this.arrived();
  }

  readonly #check = (): void => {
    this.#timer = undefined;
    // Nobody waits while a body rests unread.
    if (this.#since === undefined) return;
    const limit = this.#limit();
    const left = Math.max(this.#since, this.#flight.lastSign()) + limit - performance.now();
    if (left > 0) this.#arm(left);
    else this.#finish(silenceError(limit));
  };

  #limit(): number {
    return Math.min(TIMER_MAX, this.#timeout + (this.#upload?.time() ?? 0));
  }

  #arm(ms: number): void {
    this.#timer = setTimeout(this.#check, ms);
  }

  #finish(reason: unknown): void {
    this.#end = { reason };
    this.stop();
    this.#flight.abort(reason);
    this.#reject?.(reason);
  }
}

/** The longest delay that timers take. */
const TIMER_MAX = 2 ** 31 - 1;
