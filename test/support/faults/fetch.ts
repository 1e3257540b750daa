/** A `fetch` over real HTTP in which chosen requests fail, each in one of the ways in which networks and gateways fail. */
import type { Fetch } from "../../../src/rest/exchange.ts";

/** What happens to a request. */
export interface Fault {
  readonly name: string;
  /** True if the server carries the request out. */
  readonly runs: boolean;
  /** The HTTP status that the client sees, where it sees a whole response. */
  readonly status?: number;
  /** True if nothing more comes, so that only a timeout ends it. */
  readonly silent?: boolean;
  respond(forward: () => Promise<Response>, init: RequestInit): Promise<Response>;
}

/** How a body ends before its end. */
export type Cut = "reset" | "end" | "silence";

const HTML = "<!DOCTYPE html><html><head><title>Bad gateway</title></head><body>nginx</body></html>";

/** What the platform says of a connection that was reset. */
export function resetError(): TypeError {
  const cause = Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET", syscall: "read" });
  return new TypeError("fetch failed", { cause });
}

/** The response cut after `at` bytes of its body; headers stay, but for the length, which would tell. */
export function cutAt(at: number, how: Cut): Fault {
  return {
    name: `body cut at ${at} (${how})`,
    runs: true,
    ...(how === "silence" ? { silent: true } : {}),
    async respond(forward) {
      const response = await forward();
      const bytes = new Uint8Array(await response.arrayBuffer());
      const headers = new Headers(response.headers);
      headers.delete("content-length");
      let given = false;
      const body = new ReadableStream<Uint8Array>(
        {
          pull(controller) {
            if (!given && at > 0) {
              given = true;
              return controller.enqueue(bytes.slice(0, at));
            }
            if (how === "reset") return controller.error(resetError());
            if (how === "end") return controller.close();
            return new Promise(() => undefined);
          },
        },
        { highWaterMark: 0 },
      );
      return new Response(body, { status: response.status, headers });
    },
  };
}

function refused(
  name: string,
  status: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): Fault {
  return {
    name,
    runs: false,
    status,
    respond: () => Promise.resolve(new Response(body, { status, headers: { ...headers } })),
  };
}

function afterwards(fault: Fault): Fault {
  return {
    ...fault,
    name: `${fault.name}, after it has run`,
    runs: true,
    async respond(forward, init) {
      await (await forward()).arrayBuffer();
      return fault.respond(forward, init);
    },
  };
}

const reset: Fault = { name: "reset", runs: false, respond: () => Promise.reject(resetError()) };
const html = { "content-type": "text/html" };
const error = (text: string): string => JSON.stringify({ error: text });
const page500 = refused("500 page", 500, HTML, html);
const page200 = refused("200 page", 200, HTML, html);
const json500 = refused("500 JSON", 500, error("ERR internal"));
const empty = refused("empty 200", 200, "");

/** Everything but cut bodies and silence. */
export const plainFaults: readonly Fault[] = [
  reset,
  afterwards(reset),
  {
    name: "throws at once",
    runs: false,
    respond: () => {
      throw resetError();
    },
  },
  refused("401", 401, error("WRONGPASS invalid or missing auth token")),
  refused("429", 429, error("ERR max requests per second exceeded")),
  refused("429 page", 429, HTML, html),
  refused("429 Retry-After 0", 429, HTML, { ...html, "retry-after": "0" }),
  refused("429 Retry-After 1 h", 429, error("slow down"), { "retry-after": "3600" }),
  refused("403 page", 403, HTML, html),
  page500,
  afterwards(page500),
  json500,
  afterwards(json500),
  afterwards(refused("502 empty", 502, "")),
  refused("503 Retry-After 0", 503, HTML, { ...html, "retry-after": "0" }),
  page200,
  afterwards(page200),
  empty,
  afterwards(empty),
  afterwards(refused("200 of other JSON", 200, "{}")),
  afterwards(refused("200 null", 200, "null")),
];

/** Nothing comes, not even a head; the client's signal ends it, or not even that. */
export const silentFaults: readonly Fault[] = [true, false].map((heeds) => ({
  name: heeds ? "silence" : "silence that heeds no signal",
  runs: true,
  silent: true,
  async respond(forward, { signal }) {
    await (await forward()).arrayBuffer();
    return new Promise<Response>((_, reject) => {
      if (heeds) signal?.addEventListener("abort", () => reject(signal.reason));
    });
  },
}));

/** The requests of one operation, and what becomes of them. */
export class FaultyFetch {
  /** Requests that the client started. */
  sent = 0;
  /** Requests that the server has answered with 200. */
  ran = 0;
  /** Bytes of the bodies of the server's replies, by request. */
  readonly sizes: number[] = [];
  readonly fetch: Fetch;
  #fault: Fault | undefined;
  #first = Infinity;
  #last = Infinity;
  /** What was sent before `arm`, and was given up, may be answered after it: it is not counted. */
  #round = 0;

  constructor(send: Fetch) {
    this.fetch = async (input, init) => {
      const number = this.sent++;
      const round = this.#round;
      const forward = async (): Promise<Response> => {
        // The server is to end what it has begun, whatever the client does: only then can be counted what has run.
        const { signal: _, ...rest } = init;
        const response = await send(input, rest);
        if (response.status === 200 && round === this.#round) this.ran += 1;
        return response;
      };
      if (this.#fault !== undefined && number >= this.#first && number <= this.#last) {
        return this.#fault.respond(forward, init);
      }
      const response = await forward();
      const bytes = new Uint8Array(await response.arrayBuffer());
      if (round === this.#round) this.sizes.push(bytes.length);
      return new Response(bytes, response);
    };
  }

  /** Requests from number `first` to `last`, counted from now at 0, meet the fault. */
  arm(fault: Fault | undefined, first = 0, last: number = first): void {
    this.#fault = fault;
    this.#first = first;
    this.#last = last;
    this.#round += 1;
    this.sent = 0;
    this.ran = 0;
    this.sizes.length = 0;
  }
}
