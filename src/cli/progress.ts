/** The progress of a transfer in one line: how much is done, of how much, how fast, and how long the rest takes. */
import type { Terminal } from "./command.ts";
import { bytes, cut } from "./text.ts";
import { duration } from "./units.ts";

/** Milliseconds between two lines. */
const INTERVAL = 100;
/** Milliseconds before a rate is shown: earlier it says nothing. */
const MEASURED = 1000;

/** The progress of a transfer, in bytes. */
export interface Transfer {
  readonly done: number;
  /** The total, if it is known. */
  readonly total: number | undefined;
  /** Further words for the line. */
  readonly more?: string | undefined;
}

/** Makes a function that shows the progress of a transfer, at most ten times a second. */
export function transferLine(
  terminal: Terminal,
  now: () => number = () => performance.now(),
): (transfer: Transfer) => void {
  const start = now();
  let shown = -Infinity;
  return (transfer) => {
    const at = now();
    if (at - shown < INTERVAL) return;
    shown = at;
    terminal.progress(describeTransfer(transfer, at - start, terminal.errorColumns));
  };
}

/** The line itself, after the given number of milliseconds. */
export function describeTransfer(
  { done, total, more }: Transfer,
  ms: number,
  columns: number | undefined,
): string {
  const share = total === undefined || total === 0 ? "" : ` (${Math.floor((100 * done) / total)} %)`;
  const far = total === undefined ? bytes(done) : `${bytes(done)} of ${bytes(total)}${share}`;
  const rate = ms < MEASURED ? 0 : (done * 1000) / ms;
  const parts = [far, ...(more === undefined ? [] : [more])];
  if (rate > 0) parts.push(`${bytes(Math.round(rate))}/s`);
  if (rate > 0 && total !== undefined && done < total) parts.push(`${duration((total - done) / rate)} left`);
  const line = parts.join(", ");
  // Some terminals wrap when the last column is written, and then the line is not replaced.
  return columns === undefined ? line : cut(line, columns - 1);
}
