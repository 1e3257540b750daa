/** The progress of a command in one line: a bar if the total is known, and words. */
import { cut } from "./text.ts";
import type { Terminal } from "./command.ts";

const WIDTH = 20;
/** Milliseconds between two updates: nobody reads faster. */
const PAUSE = 100;

/** The bar of a part of a whole: "[#####---------------] 25 %". */
export function bar(done: number, total: number): string {
  const share = total > 0 ? Math.min(1, done / total) : 1;
  const filled = Math.floor(share * WIDTH);
  return `[${"#".repeat(filled)}${"-".repeat(WIDTH - filled)}] ${Math.floor(share * 100)} %`;
}

/** Shows progress, at most ten times a second. `total` is undefined if it is not known. */
export type ShowProgress = (text: string, done?: number, total?: number) => void;

/** Makes the function that shows progress in a terminal. */
export function progressOf(terminal: Terminal, clock: () => number = Date.now): ShowProgress {
  let last = -Infinity;
  return (text, done, total) => {
    const time = clock();
    if (time - last < PAUSE) return;
    last = time;
    const line = done === undefined || total === undefined ? text : `${bar(done, total)}  ${text}`;
    // One column stays free, because some terminals wrap after the last one.
    terminal.progress(cut(line, (terminal.errorColumns ?? 80) - 1));
  };
}
