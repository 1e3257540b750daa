/** The progress of a transfer in one line: how far it is, of how much, how fast, and how long it still takes. */
import type { Terminal } from "./command.ts";
import { bytes, cut } from "./text.ts";
import { duration } from "./units.ts";

/** Milliseconds between two lines. */
const INTERVAL = 100;
/** Milliseconds before which a rate says nothing. */
const MEASURED = 1000;

/** How far a transfer is, in bytes. */
export interface Transfer {
  readonly done: number;
  /** In all, if that is known. */
  readonly total: number | undefined;
  /** What else is to be said. */
  readonly more?: string | undefined;
}

/** A function that shows how far a transfer is, at most ten times a second. */
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

/** The line itself, after so many milliseconds. */
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
  // A terminal that is written to its last column may wrap, and then the line is not replaced.
  return columns === undefined ? line : cut(line, columns - 1);
}
