/** Posts totals to the page of a `zstash dev` while something happens. */
import { delay, now } from "../timers.ts";
import type { MetricsSnapshot } from "./snapshot.ts";

/** Milliseconds from an event to the post that tells of it. */
const PAUSE_MS = 2_000;
/** A host may drop a pause with the request that made it: after this many milliseconds nobody waits for it any longer. */
const STALE_MS = 2 * PAUSE_MS;

/** Posts what `totals` gives, at most once in two seconds. The totals are all, not a difference: a lost post loses nothing. */
export class Reporter {
  readonly #url: string;
  readonly #totals: () => MetricsSnapshot;
  /** Tells this collector from others. */
  readonly #client: string = crypto.randomUUID();
  #since = -Infinity;

  constructor(url: string, totals: () => MetricsSnapshot) {
    this.#url = `${url.replace(/\/+$/, "")}/_zstash/metrics`;
    this.#totals = totals;
  }

  /** Have the totals posted in a while, unless that is under way. Never fails. */
  wake(): void {
    if (now() - this.#since < STALE_MS) return;
    this.#since = now();
    void this.#post();
  }

  async #post(): Promise<void> {
    try {
      await delay(PAUSE_MS);
      this.#since = -Infinity;
      const body = JSON.stringify({ client: this.#client, snapshot: this.#totals() });
      const response = await fetch(this.#url, {
        method: "POST",
        body,
        headers: { "content-type": "application/json" },
      });
      await response.body?.cancel();
    } catch {
      // The page is there or not: what is measured goes on.
    }
  }
}
