/** A `fetch` that looks at every request before it is sent, and may do something else with it. */
import type { Fetch } from "../../../src/rest/exchange.ts";

/** One request of the store, as a hook sees it. */
export interface Seen {
  /** Name of the command; "multi-exec" or "pipeline" for several. */
  readonly name: string;
  /** The key of a single command. */
  readonly key: string | undefined;
  /** How many with this name came before. */
  readonly number: number;
  /** True if the body is bytes. */
  readonly raw: boolean;
  readonly init: RequestInit;
  /** Sends it on; each call sends it once more. */
  send(): Promise<Response>;
}

/** What a hook does with a request; undefined sends it on as it is. */
export type Hook = (seen: Seen) => Promise<Response | undefined> | Response | undefined;

export interface HookedFetch {
  readonly fetch: Fetch;
  /** Names of what came, in order. */
  readonly names: readonly string[];
}

/** With `heeds`, the client's signal ends requests also where they are sent. */
export function hookFetch(send: Fetch, hook: Hook = () => undefined, heeds = false): HookedFetch {
  const names: string[] = [];
  return {
    names,
    async fetch(input, init) {
      const { name, key, raw } = commandOf(input, init);
      const number = names.filter((one) => one === name).length;
      names.push(name);
      // The server ends what it has begun, whatever becomes of the client.
      const { signal: _, ...rest } = init;
      const seen: Seen = { name, key, number, raw, init, send: () => send(input, heeds ? init : rest) };
      return (await hook(seen)) ?? seen.send();
    },
  };
}

/** What the platform says of a connection that broke. */
export function broken(): TypeError {
  return new TypeError("fetch failed", { cause: Object.assign(new Error("reset"), { code: "ECONNRESET" }) });
}

/** The server's refusal of a command. */
export function refusal(text: string, status = 400): Response {
  return new Response(JSON.stringify({ error: text }), { status });
}

function commandOf(
  input: string,
  { body }: RequestInit,
): { readonly name: string; readonly key: string | undefined; readonly raw: boolean } {
  const [name = "", key] = new URL(input).pathname.slice(1).split("/").map(decodeURIComponent);
  const raw = body instanceof Uint8Array;
  if (name !== "" || typeof body !== "string")
    return { name: name === "multi-exec" || name === "pipeline" ? name : name.toUpperCase(), key, raw };
  const [command, ...rest] = JSON.parse(body) as readonly unknown[];
  const upper = String(command).toUpperCase();
  return { name: upper, key: String(upper.startsWith("EVAL") ? rest[2] : rest[0]), raw };
}
