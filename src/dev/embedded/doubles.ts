/** Doubles as Redis reads and prints the scores of sorted sets: C's strtod, and `%.17g`. */

/** From this number on an integer has more digits than `%.17g` prints as one. */
const INTEGER_MAX = 1e15;
const DIGITS = 17;
/** The most digits that a double has. After these, toPrecision gives only zeros that matter for no tie. */
const ALL_DIGITS = 100;

const DECIMAL = /^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/;
const HEXADECIMAL = /^([+-]?)0[xX](?=\.?[0-9a-fA-F])([0-9a-fA-F]*)\.?([0-9a-fA-F]*)(?:[pP]([+-]?[0-9]+))?$/;
const INFINITE = /^([+-]?)(?:inf|infinity)$/i;

/** Reads a number as strtod does if it takes the whole text; undefined for any other text, and for NaN. */
function readNumber(text: string): number | undefined {
  if (DECIMAL.test(text)) return Number(text);
  const infinite = INFINITE.exec(text);
  if (infinite !== null) return infinite[1] === "-" ? -Infinity : Infinity;
  const hexadecimal = HEXADECIMAL.exec(text);
  if (hexadecimal === null) return undefined;
  const [, sign, whole = "", fraction = "", exponent = "0"] = hexadecimal;
  const magnitude = Number(BigInt(`0x${whole}${fraction}`)) * 2 ** (Number(exponent) - 4 * fraction.length);
  return sign === "-" ? -magnitude : magnitude;
}

/** A score, weight or increment: without a space before it, and neither overflowing nor too small for a double. */
export function parseDouble(binary: string): number | undefined {
  const value = readNumber(binary);
  if (value === undefined || INFINITE.test(binary)) return value;
  const vanished =
    value === 0 && /[1-9a-fA-F]/.test(binary.replace(/^[+-]?0[xX]/, "").replace(/[eEpP].*$/, ""));
  return Number.isFinite(value) && !vanished ? value : undefined;
}

/** The bound of a range of scores: C ends it at a zero byte, skips spaces before it, and reads nothing as 0. */
export function parseBound(binary: string): number | undefined {
  const [text = ""] = binary.split("\0", 1);
  return text === "" ? 0 : readNumber(text.replace(/^[ \t-\r]+/, ""));
}

/** The text of `%.17g`, and `inf` or `-inf`. */
export function formatDouble(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < INTEGER_MAX)
    return Object.is(value, -0) ? "-0" : `${value}`;
  if (!Number.isFinite(value)) return value < 0 ? "-inf" : "inf";
  const [digits, exponent] = significantDigits(Math.abs(value));
  const trimmed = digits.replace(/0+$/, "");
  return (
    (value < 0 ? "-" : "") +
    (exponent < -4 || exponent >= DIGITS ? scientific(trimmed, exponent) : plain(trimmed, exponent))
  );
}

function scientific(digits: string, exponent: number): string {
  const fraction = digits.length > 1 ? `.${digits.slice(1)}` : "";
  const power = `${Math.abs(exponent)}`.padStart(2, "0");
  return `${digits.charAt(0)}${fraction}e${exponent < 0 ? "-" : "+"}${power}`;
}

function plain(digits: string, exponent: number): string {
  if (exponent < 0) return `0.${"0".repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, "0");
  const fraction = digits.slice(exponent + 1);
  return fraction === "" ? whole : `${whole}.${fraction}`;
}

/** The 17 digits of a positive number and its decimal exponent. C rounds a tie to even, JavaScript rounds it up. */
function significantDigits(value: number): readonly [digits: string, exponent: number] {
  const [mantissa = "", exponent = "0"] = value.toExponential(DIGITS - 1).split("e");
  const digits = mantissa.replace(".", "");
  if (Number(digits.at(-1)) % 2 === 1) {
    const exact = value.toExponential(ALL_DIGITS).replace(".", "").replace(/e.*$/, "");
    if (exact.slice(DIGITS).replace(/0+$/, "") === "5") return [exact.slice(0, DIGITS), Number(exponent)];
  }
  return [digits, Number(exponent)];
}
