/** Sends one HTTP request and reads its response, limited by a time-out and a signal. Nothing else sends requests. */
import { openFlight } from "#http";
import type { Fetch, Flight, HttpResponse } from "../adapters/http/flight.ts";
import { onAbort } from "../signals.ts";
import { connectionError, isHostControlFlow, redirectError, silenceError } from "./connection-error.ts";
import { Silence } from "./silence.ts";
import { slowestTime, startUpload, UPLOAD_MIN, type UploadShare } from "./uploads.ts";

export type { Fetch } from "../adapters/http/flight.ts";
export { anyOf } from "../signals.ts";

/** The head of a response, and its body as it arrives. */
export interface HttpReply extends HttpResponse {
  /** Reads the rest as text, up to the length of an error page that somebody would read. */
  text(): Promise<string>;
  /** Ends the exchange, whether or not the body was read. May be called twice. */
  close(): void;
  /** Receives what is read; set only while somebody listens to requests. */
  observer?: ReplyObserver | undefined;
}

/** Receives what is read of a reply, and its end, which may come more than once or with an error. */
export interface ReplyObserver {
  received(size: number): void;
  ended(error?: unknown): void;
}

/** The most characters that are read of a body that explains a failure. */
const TEXT_MAX = 64 << 10;

/** Limits of an exchange. */
export interface ExchangeLimits {
  /**
   * Milliseconds without a byte in either direction, see `Silence`; 0 means no limit. It is longer while bytes move that can be seen
   * only in part: while a body is uploaded, see `startUpload`, and for a short body that `fetch` reads at once.
   */
  readonly timeout: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * Sends a request and resolves to the head of its response. Without `send` the platform's adapter sends it.
 *
 * Rejects with the signal's reason, with TIMEOUT, or with REDIS and its cause if the connection fails; the error's
 * effect says whether the request may have arrived. Errors of the host's control flow pass unchanged. `read` and
 * `text` reject in the same way. Redirects are not followed.
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
  deadline.arrived(response.unseen);
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
  observer: ReplyObserver | undefined = undefined;
  /** True when nothing is left to wait for: `read` returns nothing more. */
  ended = false;

  constructor(response: HttpResponse, flight: Flight, deadline: Deadline) {
    this.status = response.status;
    this.headers = response.headers;
    this.#response = response;
    this.#flight = flight;
    this.#deadline = deadline;
  }

  async read(): Promise<Uint8Array | undefined> {
    if (this.ended) return undefined;
    try {
      const chunk = await this.#deadline.wait(this.#response.read());
      if (chunk !== undefined) this.observer?.received(chunk.length);
      if (chunk !== undefined && this.#response.ended !== true) return chunk;
      this.ended = true;
      this.#deadline.stop();
      this.observer?.ended();
      return chunk;
    } catch (error) {
      this.observer?.ended(error);
      this.close();
      throw error;
    }
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
    this.observer?.ended();
    if (this.ended) return;
    this.ended = true;
    this.#flight.abort(undefined);
  }
}

/** A timer of processes, which pages lack: after `unref` it does not keep a process alive. */
interface ProcessTimer {
  ref?(): void;
  unref?(): void;
}

/**
 * Ends waiting at the caller's signal or the time-out, even if the platform ignores the signal that it was given. One
 * timer serves a whole exchange, and is set again only when it fires, four times in a silence: three timers and races for each request
 * cost 40 µs of its 500.
 */
class Deadline {
  readonly #flight: Flight;
  readonly #url: string;
  readonly #timeout: number;
  readonly #ignore: (() => void) | undefined;
  #upload: UploadShare | undefined;
  /** Bytes of the response that may arrive unseen. */
  #download = 0;
  #alarm: ReturnType<typeof setTimeout> | undefined;
  readonly #silence = new Silence();
  /** The time at which waiting began; undefined while nobody waits. */
  #since: number | undefined;
  #reject: ((reason: unknown) => void) | undefined;
  #end: { readonly reason: unknown } | undefined;

  constructor(flight: Flight, url: string, timeout: number, outer: AbortSignal | undefined) {
    this.#flight = flight;
    this.#url = url;
    this.#timeout = timeout;
    if (timeout > 0 && flight.unseen >= UPLOAD_MIN) this.#upload = startUpload(url, flight.unseen);
    // A given `fetch` may have aborted it meanwhile.
    if (outer?.aborted === true) this.#finish(outer.reason);
    else if (outer !== undefined) this.#ignore = onAbort(outer, () => this.#finish(outer.reason));
  }

  /** Waits for one step of the exchange. After a failure it waits for nothing more. */
  wait<T>(work: Promise<T>): Promise<T> {
    if (this.#end !== undefined) {
      work.catch(() => undefined);
      return Promise.reject(this.#end.reason);
    }
    this.#since = performance.now();
    // An abandoned stream does not keep a process alive.
    if (this.#alarm !== undefined) (this.#alarm as ProcessTimer).ref?.();
    else if (this.#timeout > 0)
      this.#alarm = setTimeout(this.#check, this.#silence.begin(this.#since, this.#limit()));
    return new Promise<T>((resolve, reject) => {
      this.#reject = reject;
      work.then(
        (result) => {
          this.#since = undefined;
          (this.#alarm as ProcessTimer | undefined)?.unref?.();
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

  /** The head has arrived, and so everything was uploaded; `unseen` bytes are to follow. */
  arrived(unseen: number = 0): void {
    this.#endUpload();
    this.#download = unseen;
  }

  #endUpload(): void {
    this.#upload?.end();
    this.#upload = undefined;
  }

  /** Ends the exchange: no timer and no listener remains. */
  stop(): void {
    clearTimeout(this.#alarm);
    this.#alarm = undefined;
    this.#ignore?.();
    this.#endUpload();
  }

  readonly #check = (): void => {
    this.#alarm = undefined;
    // Nobody waits while a body is not being read.
    if (this.#since === undefined) return;
    const time = performance.now();
    const since = Math.max(this.#since, this.#flight.lastSign());
    const pause = this.#silence.look(time, since, this.#limit());
    if (pause > 0) this.#alarm = setTimeout(this.#check, pause);
    else this.#finish(silenceError(Math.round(time - since)));
  };

  #limit(): number {
    const more = this.#upload?.time() ?? (this.#download > 0 ? slowestTime(this.#download) : 0);
    return Math.min(TIMER_MAX, this.#timeout + more);
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
