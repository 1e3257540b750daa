/** Reads the numbers and the sizes of a command line. */
import { textOf, UsageError } from "./command.ts";
import type { OptionValues } from "./command.ts";

/** What a number of an option may be, and what it is where the option is not given. */
export interface NumberOption {
  readonly least: number;
  readonly most: number;
  readonly fallback: number;
}

const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  k: 1024,
  kb: 1024,
  kib: 1024,
  m: 1024 ** 2,
  mb: 1024 ** 2,
  mib: 1024 ** 2,
  g: 1024 ** 3,
  gb: 1024 ** 3,
  gib: 1024 ** 3,
};

/**
 * The integer of an option.
 *
 * @throws {UsageError} for what is none, or out of its bounds
 */
export function integerOf(
  values: OptionValues,
  name: string,
  { least, most, fallback }: NumberOption,
): number {
  const text = textOf(values, name);
  if (text === undefined) return fallback;
  const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw new UsageError(
    `Cannot read --${name}: it must be an integer from ${least} to ${most}, got ${JSON.stringify(text)}`,
  );
}

/**
 * The bytes of an option such as "8MiB", "64k" or "4096"; all units are powers of 1024.
 *
 * @throws {UsageError} for what is no size, or out of its bounds
 */
export function sizeOf(values: OptionValues, name: string, { least, most, fallback }: NumberOption): number {
  const text = textOf(values, name);
  if (text === undefined) return fallback;
  const [, digits, unit = ""] = /^(\d{1,12})\s*([a-z]*)$/i.exec(text) ?? [];
  const size = digits === undefined ? Number.NaN : Number(digits) * (UNITS[unit.toLowerCase()] ?? Number.NaN);
  if (size >= least && size <= most) return size;
  throw new UsageError(
    `Cannot read --${name}: it must be a size from ${least} to ${most} bytes, such as 512KiB or 4MiB, got ${JSON.stringify(text)}`,
  );
}
