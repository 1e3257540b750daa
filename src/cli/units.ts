/** Times, ranges and ratios on the command line: how they are read, and how times and ratios are shown. */
import { textOf, UsageError } from "./command.ts";
import type { OptionValues } from "./command.ts";

const DURATION = /^([0-9]{1,15}(?:\.[0-9]{1,3})?)(s|m|h|d)?$/;
const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };
const RANGE = /^([0-9]{0,15}):([0-9]{0,15})$/;

/** Reads the option as seconds: "90", "90s", "15m", "12h", "7d". */
export function secondsOf(values: OptionValues, name: string): number | undefined {
  const text = textOf(values, name);
  if (text === undefined) return undefined;
  const [, digits, unit = "s"] = DURATION.exec(text) ?? [];
  const seconds = digits === undefined ? 0 : Number(digits) * SECONDS[unit]!;
  // Redis keeps milliseconds; larger numbers of them are not exact.
  if (seconds < 0.001 || seconds > Number.MAX_SAFE_INTEGER / 1000)
    throw new UsageError(`Cannot use --${name}: a time is expected, as 90 (seconds), 15m, 12h or 7d`);
  return seconds;
}

/** A half-open range of bytes; without an end it reaches to the end of the value. */
export interface TextRange {
  readonly start: number;
  readonly end: number | undefined;
}

/** Reads the option as a range: "100:200", "100:" or ":200". */
export function rangeOf(values: OptionValues, name: string): TextRange | undefined {
  const text = textOf(values, name);
  if (text === undefined) return undefined;
  const [, from, to] = RANGE.exec(text) ?? [];
  if (from === undefined || text === ":") {
    throw new UsageError(
      `Cannot use --${name}: <start>:<end> is expected, as 0:100 for the first 100 bytes, 100: for all after them`,
    );
  }
  const range = { start: Number(from), end: to === "" ? undefined : Number(to) };
  if (range.end !== undefined && range.end < range.start)
    throw new UsageError(`Cannot use --${name}: it ends before it begins`);
  return range;
}

/** A time in words of at most two units: "45 s", "12 min", "23 h 12 min", "6 d 23 h". */
export function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 120) return `${whole} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return join(hours, "h", minutes % 60, "min");
  return join(Math.floor(hours / 24), "d", hours % 24, "h");
}

function join(large: number, unit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${unit}` : `${large} ${unit} ${small} ${smallUnit}`;
}

/** The compression ratio, as content bytes for one stored byte: "4.07:1". */
export function ratio(size: number, storedSize: number): string {
  const value = storedSize === 0 ? 1 : size / storedSize;
  return `${value >= 100 ? Math.round(value) : value.toFixed(2)}:1`;
}
