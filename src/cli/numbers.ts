/** Reads the numbers of a command line: integers, sizes in bytes, and shares. */
import { textOf, UsageError } from "./command.ts";
import type { OptionValues } from "./command.ts";

/** What an option may be, both included. */
export interface NumberRange {
  readonly least: number;
  readonly most: number;
}

const UNITS: Readonly<Record<string, number>> = { "": 1, B: 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3 };

/**
 * Reads the integer of an option; undefined if it was not given.
 *
 * @throws {UsageError}
 */
export function readInteger(values: OptionValues, name: string, range: NumberRange): number | undefined {
  const text = textOf(values, name);
  if (text === undefined) return undefined;
  return within(/^-?[0-9]{1,15}$/.test(text) ? Number(text) : NaN, name, range, "a whole number");
}

/**
 * Reads the size in bytes of an option. 65536, 64KB, 64K and 64KiB mean the same. Undefined if it was not given.
 *
 * @throws {UsageError}
 */
export function readByteSize(values: OptionValues, name: string, range: NumberRange): number | undefined {
  const text = textOf(values, name);
  if (text === undefined) return undefined;
  const [, digits = "", unit = ""] = /^([0-9]{1,12}(?:\.[0-9]{1,3})?) ?(|B|[KMG](?:i?B)?)$/i.exec(text) ?? [];
  const size = digits === "" ? NaN : Math.round(Number(digits) * UNITS[unit.charAt(0).toUpperCase()]!);
  return within(size, name, range, "a size in bytes, as 65536 or 64KB,");
}

/** Reads the share of an option, 0…1, written as 0.1 or 10%; undefined if it was not given. */
export function readShare(values: OptionValues, name: string): number | undefined {
  const text = textOf(values, name);
  if (text === undefined) return undefined;
  const [, digits = "", percent = ""] = /^([0-9]{1,3}(?:\.[0-9]{1,6})?|\.[0-9]{1,6}) ?(%?)$/.exec(text) ?? [];
  const share = digits === "" ? NaN : Number(digits) / (percent === "" ? 1 : 100);
  if (share >= 0 && share <= 1) return share;
  throw new UsageError(`Cannot use --${name}: a share from 0 to 1 is expected, as 0.1 or 10%`);
}

function within(value: number, name: string, { least, most }: NumberRange, what: string): number {
  if (value >= least && value <= most) return value;
  throw new UsageError(`Cannot use --${name}: ${what} from ${least} to ${most} is expected`);
}
