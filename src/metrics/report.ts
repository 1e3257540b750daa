/** Posts the figures of a collector to the page of a `zstash dev`, while something happens. */
import { delay, now } from "../timers.ts";
import type { Cells } from "./cells.ts";

/** The page's server: the address that `zstash dev` prints, and its token. */
export interface ReportTarget {
  /** The address that `zstash dev` prints, such as `http://127.0.0.1:8079`. */
  readonly url: string;
  /** A token of the server; one that may only read is enough. */
  readonly token: string;
}

/** Milliseconds from an event to the post that reports it. */
const PAUSE_MS = 2_000;
/**
 * A host may drop a pause with the request that made it: after this many milliseconds nobody waits for it any longer.
 */
const STALE_MS = 2 * PAUSE_MS;

/** The totals as the page shows them, each under a name for people. */
export function figuresOf(cells: Cells): Record<string, number> {
  const sum = (numbers: Iterable<number>): number => [...numbers].reduce((total, value) => total + value, 0);
  const [original = 0, stored = 0] = cells.of("bytes");
  const [compress = 0, decompress = 0] = cells.of("codecSeconds");
  const value = (outcome: string): number => cells.get("values", [outcome, ""]);
  return {
    "values compressed": value("compressed"),
    "values decoded": value("decoded"),
    "values that did not decode": sum(cells.of("failures")),
    "bytes written": original,
    "bytes stored for them": stored,
    ratio: stored === 0 ? 0 : original / stored,
    "compressing, ms": compress * 1000,
    "decompressing, ms": decompress * 1000,
    requests: sum(cells.of("requests")),
    retries: sum(cells.of("retries")),
  };
}

/** Posts figures at most once in two seconds. They are totals, not differences: a lost post loses nothing. */
export class Reporter {
  readonly #url: string;
  readonly #token: string;
  readonly #figures: () => Record<string, number>;
  /** Distinguishes this collector from others. */
  readonly #client: string = `client ${crypto.randomUUID().slice(0, 8)}`;
  #since = -Infinity;

  constructor({ url, token }: ReportTarget, figures: () => Record<string, number>) {
    this.#url = `${url.replace(/\/+$/, "")}/_zstash/metrics`;
    this.#token = token;
    this.#figures = figures;
  }

  /** Posts the figures after a pause, unless one is running already. Never fails. */
  wake(): void {
    if (now() - this.#since < STALE_MS) return;
    this.#since = now();
    void this.#post();
  }

  async #post(): Promise<void> {
    try {
      await delay(PAUSE_MS);
      this.#since = -Infinity;
      const body = JSON.stringify({ client: this.#client, ...this.#figures() });
      const headers = { authorization: `Bearer ${this.#token}`, "content-type": "application/json" };
      const response = await fetch(this.#url, { method: "POST", body, headers });
      await response.body?.cancel();
    } catch {
      // A missing page does not matter.
    }
  }
}
