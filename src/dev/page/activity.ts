/** Remembers the latest requests and the figures of the latest seconds, for the page. Takes a microsecond a request. */
import type { RequestRecord } from "../request-record.ts";
import type { RequestPage, SecondFigures } from "./protocol.ts";

/** Requests that are remembered. */
const RECORDS_MAX = 500;
/** Seconds that are remembered: a quarter of an hour. */
const SECONDS_MAX = 900;
/** Durations that a second keeps for its percentiles: all of them, or a random choice if there were more requests. */
const TIMES_MAX = 512;

/** The current second. */
interface OpenSecond {
  readonly at: number;
  count: number;
  errors: number;
  readonly times: number[];
}

/** The log for the list and the plots of the page. */
export class Activity {
  /** A ring buffer: record number n is at index n modulo its size. */
  readonly #records: RequestRecord[] = [];
  #count = 0;
  readonly #seconds: SecondFigures[] = [];
  #open: OpenSecond | undefined;

  add(record: RequestRecord): void {
    this.#records[this.#count++ % RECORDS_MAX] = record;
    const at = Math.floor((record.at + record.duration) / 1000) * 1000;
    if (this.#open?.at !== at) {
      this.#close();
      this.#open = { at, count: 0, errors: 0, times: [] };
    }
    const second = this.#open;
    second.count++;
    if (record.status >= 400) second.errors++;
    if (second.times.length < TIMES_MAX) second.times.push(record.duration);
    else {
      const place = Math.floor(Math.random() * second.count);
      if (place < TIMES_MAX) second.times[place] = record.duration;
    }
  }

  /**
   * The requests from number `after` on, at most 500, and the figures of the latest seconds from the time `since` on.
   */
  read(after: number, since: number): RequestPage {
    const oldest = Math.max(0, this.#count - RECORDS_MAX);
    const first = Math.min(Math.max(after, oldest), this.#count);
    const records = [];
    for (let id = first; id < this.#count; id++) {
      const record = this.#records[id % RECORDS_MAX];
      if (record !== undefined) records.push({ ...record, id });
    }
    const seconds = this.#seconds.filter(({ at }) => at >= since);
    if (this.#open !== undefined && this.#open.at >= since) seconds.push(figures(this.#open));
    return { next: this.#count, records, missed: Math.max(0, first - after), seconds };
  }

  #close(): void {
    if (this.#open === undefined) return;
    this.#seconds.push(figures(this.#open));
    if (this.#seconds.length > SECONDS_MAX) this.#seconds.shift();
  }
}

function figures({ at, count, errors, times }: OpenSecond): SecondFigures {
  const sorted = times.toSorted((a, b) => a - b);
  const percentile = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { at, count, errors, p50: percentile(0.5), p95: percentile(0.95) };
}
