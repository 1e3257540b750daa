/**
 * The arithmetic of INCRBYFLOAT and HINCRBYFLOAT. Redis computes in x87 long doubles, with 64 bits of significand, and
 * prints 17 decimals without trailing zeros.
 */

/** The number significand × 2^exponent. */
export interface LongDouble {
  readonly significand: bigint;
  readonly exponent: number;
}

const PRECISION = 64;
/** Beyond these exponents a long double overflows or becomes zero, and Redis refuses to read it. */
const MAX_EXPONENT = 16_384;
const MIN_EXPONENT = -16_445;
const DECIMALS = 17n;

/**
 * Reads a decimal number as strtold does; undefined for other texts, and for infinity and NaN, which Redis never
 * stores.
 */
export function parseLongDouble(text: string): LongDouble | undefined {
  const match = /^([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]{1,5}))?$/.exec(text);
  if (match === null || text.length > 5 * 1024) return undefined;
  const [, sign, whole = "", fraction = "", exponent = "0"] = match;
  if (whole === "" && fraction === "") return undefined;
  const digits = BigInt(whole + fraction);
  if (digits === 0n) return { significand: 0n, exponent: 0 };
  const scale = Number(exponent) - fraction.length;
  if (Math.abs(scale) > 20_000) return undefined;
  const value =
    scale >= 0 ? round(digits * 10n ** BigInt(scale), 0, false) : divide(digits, 10n ** BigInt(-scale));
  const magnitude = value.exponent + bitLength(value.significand);
  if (magnitude > MAX_EXPONENT || magnitude < MIN_EXPONENT) return undefined;
  return sign === "-" ? { significand: -value.significand, exponent: value.exponent } : value;
}

/** A double, exactly. */
export function toLongDouble(value: number): LongDouble {
  let exponent = 0;
  // A finite double is an integer after at most 1,074 doublings, all of them exact.
  let scaled = value;
  for (; !Number.isInteger(scaled); scaled *= 2) exponent--;
  return { significand: BigInt(scaled), exponent };
}

/** The sum, rounded to the nearest long double; undefined if it overflows. */
export function addLongDouble(a: LongDouble, b: LongDouble): LongDouble | undefined {
  const exponent = Math.min(a.exponent, b.exponent);
  const sum =
    (a.significand << BigInt(a.exponent - exponent)) + (b.significand << BigInt(b.exponent - exponent));
  const rounded = round(sum < 0n ? -sum : sum, exponent, false);
  if (rounded.exponent + bitLength(rounded.significand) > MAX_EXPONENT) return undefined;
  return sum < 0n ? { significand: -rounded.significand, exponent: rounded.exponent } : rounded;
}

/** Writes at most 17 decimals, rounded half to even, without trailing zeros and without a point at the end. */
export function formatLongDouble(value: LongDouble): string {
  const negative = value.significand < 0n;
  const significand = negative ? -value.significand : value.significand;
  let scaled = significand * 10n ** DECIMALS;
  if (value.exponent >= 0) {
    scaled <<= BigInt(value.exponent);
  } else {
    const shift = BigInt(-value.exponent);
    const remainder = scaled & ((1n << shift) - 1n);
    const half = 1n << (shift - 1n);
    scaled >>= shift;
    if (remainder > half || (remainder === half && (scaled & 1n) === 1n)) scaled += 1n;
  }
  const digits = scaled.toString().padStart(Number(DECIMALS) + 1, "0");
  const fraction = digits.slice(-Number(DECIMALS)).replace(/0+$/, "");
  const text = digits.slice(0, -Number(DECIMALS)) + (fraction === "" ? "" : `.${fraction}`);
  return negative && scaled !== 0n ? `-${text}` : text;
}

function divide(numerator: bigint, denominator: bigint): LongDouble {
  const shift = Math.max(0, PRECISION + 2 - bitLength(numerator) + bitLength(denominator));
  const shifted = numerator << BigInt(shift);
  return round(shifted / denominator, -shift, shifted % denominator !== 0n);
}

/** Rounds to 64 bits, half to even. `sticky` is true if non-zero bits below these were cut off before. */
function round(significand: bigint, exponent: number, sticky: boolean): LongDouble {
  const excess = bitLength(significand) - PRECISION;
  if (excess <= 0) return { significand, exponent };
  const shift = BigInt(excess);
  const remainder = significand & ((1n << shift) - 1n);
  const half = 1n << (shift - 1n);
  let kept = significand >> shift;
  if (remainder > half || (remainder === half && (sticky || (kept & 1n) === 1n))) kept += 1n;
  return { significand: kept, exponent: exponent + excess };
}

function bitLength(value: bigint): number {
  return value === 0n ? 0 : value.toString(2).length;
}
