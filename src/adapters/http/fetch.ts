/** Sends requests by `fetch`: the platform's, as it is at each request, or a function that stands in for it. */
import type { Fetch, Flight, HttpResponse } from "./flight.ts";

/** Sends a request by `given`, or else by the platform's `fetch`. */
export function openFlight(given: Fetch | undefined, url: string, init: RequestInit): Flight {
  return new FetchFlight(given, url, init);
}

class FetchFlight implements Flight {
  readonly response: Promise<HttpResponse>;
  readonly unseen: number;
  readonly #ended = new AbortController();
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;

  constructor(given: Fetch | undefined, url: string, init: RequestInit) {
    this.unseen = bodySize(init.body);
    const full: RequestInit = { ...init, redirect: "manual", signal: this.#ended.signal };
    // As the SDK does: Next.js takes it as the sign that a page is dynamic.
    if (takesCache()) full.cache = "no-store";
    this.response = call(given, url, full).then((response) => this.#open(response));
  }

  lastSign(): number {
    return 0;
  }

  /** Nobody knows; what tells of it are some platforms' errors. */
  get unsent(): boolean {
    return false;
  }

  abort(reason: unknown): void {
    this.#ended.abort(reason);
    this.#cancel();
  }

  #open(response: Response): HttpResponse {
    // A stand-in for a response may have nothing but what the SDK reads of it.
    const { status, headers = noHeaders, body } = response as Partial<Response>;
    if (body === undefined) return { status: status ?? 200, headers, read: wholeBody(response) };
    this.#reader = body?.getReader();
    // A response that arrives all the same must not wait for a reader.
    if (this.#ended.signal.aborted) this.#cancel();
    return { status: response.status, headers, read: () => this.#read() };
  }

  async #read(): Promise<Uint8Array | undefined> {
    while (this.#reader !== undefined) {
      const { done, value } = await this.#reader.read();
      if (done) this.#reader = undefined;
      else if (value.length > 0) return value;
    }
    return undefined;
  }

  #cancel(): void {
    this.#reader?.cancel().catch(() => undefined);
    this.#reader = undefined;
  }
}

const noHeaders: HttpResponse["headers"] = { get: () => null };

/** Reads a response that has no body but `text` or `json`. */
function wholeBody(response: Partial<Response>): HttpResponse["read"] {
  let isRead = false;
  return async () => {
    if (isRead) return undefined;
    isRead = true;
    const text = (await response.text?.()) ?? JSON.stringify(await response.json?.()) ?? "";
    return text === "" ? undefined : new TextEncoder().encode(text);
  };
}

/** Bytes of a request's body; of a text, its characters. */
export function bodySize(body: unknown): number {
  if (typeof body === "string") return body.length;
  return body instanceof Uint8Array ? body.length : 0;
}

/** Async, so that a stand-in that throws at once fails like one that rejects. */
async function call(given: Fetch | undefined, url: string, init: RequestInit): Promise<Response> {
  return given === undefined ? fetch(url, init) : given(url, init);
}

let cacheTaken: boolean | undefined;

/** Whether requests may say `cache`: Workers of a compatibility date before 2024-11-11 throw. */
function takesCache(): boolean {
  if (cacheTaken !== undefined) return cacheTaken;
  try {
    void new Request("http://localhost", { cache: "no-store" });
    cacheTaken = true;
  } catch {
    cacheTaken = false;
  }
  return cacheTaken;
}
