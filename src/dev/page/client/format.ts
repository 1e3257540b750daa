/** Writes numbers with their units, and names so that every character in them is visible. */

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

/** Bytes in units of 1,024, with three digits: "1.23 KiB". */
export function bytes(size: number | null): string {
  if (size === null) return "–";
  let [value, unit] = [size, 0];
  while (value >= 1023.5 && unit < UNITS.length - 1) [value, unit] = [value / 1024, unit + 1];
  return `${unit === 0 ? value : digits(value)} ${UNITS[unit]}`;
}

function digits(value: number): string {
  return value >= 99.95 ? value.toFixed(0) : value >= 9.995 ? value.toFixed(1) : value.toFixed(2);
}

/** A whole number with thousands separators. */
export function count(value: number): string {
  return value.toLocaleString("en-US", { maximumFractionDigits: 0 });
}

/** How many times smaller: "3.52×". */
export function ratio(size: number | null, storedSize: number | null): string {
  return size === null || storedSize === null || storedSize === 0 ? "–" : `${digits(size / storedSize)}×`;
}

/** The duration of a request: "0.42 ms", "1.20 s". */
export function duration(ms: number): string {
  return ms < 999.5 ? `${ms < 0.0995 ? ms.toFixed(3) : digits(ms)} ms` : `${digits(ms / 1000)} s`;
}

/** The remaining time to live: "2 h 5 min". */
export function ttl(ms: number | null): string {
  if (ms === null) return "none";
  const seconds = Math.ceil(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return two(seconds, 60, "min", "s");
  return seconds < 86_400
    ? two(Math.floor(seconds / 60), 60, "h", "min")
    : two(Math.floor(seconds / 3600), 24, "d", "h");
}

function two(value: number, base: number, large: string, small: string): string {
  const rest = value % base;
  return `${Math.floor(value / base)} ${large}${rest === 0 ? "" : ` ${rest} ${small}`}`;
}

/** The time of day at a moment. */
export function clock(at: number): string {
  return new Date(at).toLocaleTimeString("en-GB");
}

/** Control characters, and characters that are invisible or change the direction of the text around them. */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Cn}\p{Co}\p{Zl}\p{Zp}]/gu;

/** A name with hidden characters written as `\u{202e}`: it cannot look like another name, and is one line. */
export function visible(name: string): string {
  return name.replaceAll(HIDDEN, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}

/** A text of several lines. Its own direction stays, but no character can hide or reorder others. */
export function visibleText(text: string): string {
  return text
    .split("\n")
    .map((line) => line.split("\t").map(visible).join("\t"))
    .join("\n");
}
