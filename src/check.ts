/** Checks of arguments: a wrong one is a TypeError or a RangeError that names the argument, never its value. */
import { isBytes, isGone } from "./bytes.ts";
import { LEVEL_MAX, LEVEL_MIN } from "./limits.ts";

/** Describes the type of a value, never the value. */
export function describe(value: unknown): string {
  if (value === null) return "null";
  if (typeof value !== "object") return typeof value;
  // Read from the prototype: an own property of that name is part of the value.
  const prototype = Object.getPrototypeOf(value) as { constructor?: unknown } | null;
  return typeof prototype?.constructor === "function" ? prototype.constructor.name : "object";
}

/** Names that people write instead of one of our options, and the option or options that they mean. */
const otherNames: Readonly<Record<string, string>> = {
  ex: "ttl",
  px: "ttl",
  expire: "ttl",
  expires: "ttl",
  expiration: "ttl",
  timetolive: "ttl",
  retries: "retry",
  attempts: "retries retry",
  nx: "ifAbsent",
  mtu: "layout",
  framesize: "layout",
  flushsize: "layout",
  minsize: "policy",
  minsavings: "policy",
  level: "policy",
};

/**
 * Throws a TypeError unless `options` is a plain object, of any realm, whose properties are all in `names`. The
 * message suggests the name that was meant: a misspelt option that is dropped silently is a value that never expires.
 * Maps, classes and a signal in the place of `{ signal }` are refused, because their contents are not options.
 */
export function requireOptions(
  options: unknown,
  names: readonly string[],
  what = "options",
): asserts options is object {
  const prototype: unknown =
    typeof options === "object" && options !== null && Object.getPrototypeOf(options);
  if (prototype === false || (prototype !== null && Object.getPrototypeOf(prototype) !== null)) {
    throw new TypeError(`"${what}" must be a plain object, got ${describe(options)}`);
  }
  for (const name of Object.keys(options as object)) {
    if (!names.includes(name)) throw unknownName(name, names, what);
  }
}

function unknownName(name: string, names: readonly string[], what: string): TypeError {
  const lower = name.toLowerCase();
  const meant = names.find((one) => otherNames[lower]?.split(" ").includes(one)) ?? similarName(name, names);
  const shown = what === "options" ? name : `${what}.${name}`;
  const hint = meant === undefined ? `the options are ${names.join(", ")}` : `did you mean "${meant}"?`;
  return new TypeError(`"${shown}" is not an option: ${hint}`);
}

/** Finds the name in `names` that differs from `name` only in case or by a typing error; undefined if there is none. */
export function similarName(name: string, names: readonly string[]): string | undefined {
  const lower = name.toLowerCase();
  return (
    names.find((one) => one.toLowerCase() === lower) ??
    names.find((one) => withinEdits(lower, one.toLowerCase(), one.length < 6 ? 1 : 2))
  );
}

/** Returns true if the Levenshtein distance is at most `edits`. This runs only before an error. */
function withinEdits(a: string, b: string, edits: number): boolean {
  if (a === b) return true;
  let same = 0;
  while (a[same] === b[same]) same += 1;
  const [restA, restB] = [a.slice(same), b.slice(same)];
  return (
    edits > 0 &&
    (withinEdits(restA.slice(1), restB, edits - 1) ||
      withinEdits(restA, restB.slice(1), edits - 1) ||
      withinEdits(restA.slice(1), restB.slice(1), edits - 1))
  );
}

/** Throws unless the argument is a Uint8Array, of this realm or of another, that is not detached. */
export function requireBytes(data: unknown, name: string): asserts data is Uint8Array {
  // Bytes that are not empty are not detached.
  if (data instanceof Uint8Array && data.byteLength > 0) return;
  if (!isBytes(data)) throw new TypeError(`"${name}" must be a Uint8Array, got ${describe(data)}`);
  if (isGone(data)) throw new TypeError(`"${name}" must not have a buffer that was transferred or shrunk`);
}

/** Throws unless the argument is a string. */
export function requireString(name: string, value: unknown): asserts value is string {
  if (typeof value !== "string") throw new TypeError(`"${name}" must be a string, got ${describe(value)}`);
}

/** Throws unless the argument is a boolean. */
export function requireBoolean(name: string, value: unknown): asserts value is boolean {
  if (typeof value !== "boolean") throw new TypeError(`"${name}" must be a boolean, got ${describe(value)}`);
}

/** Throws unless the argument is a function. */
export function requireFunction(name: string, value: unknown): void {
  if (typeof value !== "function")
    throw new TypeError(`"${name}" must be a function, got ${describe(value)}`);
}

/** Throws unless the argument is an AbortSignal, of this realm or of another. */
export function requireSignal(name: string, value: unknown): asserts value is AbortSignal {
  const { aborted, addEventListener } = (value ?? {}) as Partial<AbortSignal>;
  if (typeof aborted === "boolean" && typeof addEventListener === "function") return;
  throw new TypeError(`"${name}" must be an AbortSignal, got ${describe(value)}`);
}

/** Throws a TypeError unless the value is a number, a RangeError unless it is in `[least, most]`. */
export function requireNumber(
  name: string,
  value: unknown,
  least: number,
  most: number,
): asserts value is number {
  if (typeof value !== "number") throw new TypeError(`"${name}" must be a number, got ${describe(value)}`);
  if (!(value >= least && value <= most)) {
    throw new RangeError(`"${name}" must be from ${least} to ${most}, got ${value}`);
  }
}

/** Throws a TypeError unless the value is a number, a RangeError unless it is an integer in `[least, most]`. */
export function requireInteger(
  name: string,
  value: unknown,
  least: number,
  most: number,
): asserts value is number {
  if (typeof value !== "number") throw new TypeError(`"${name}" must be a number, got ${describe(value)}`);
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new RangeError(`"${name}" must be an integer from ${least} to ${most}, got ${value}`);
  }
}

/** Throws unless the value is one of the strings in `allowed`; `hint` ends the message about another string. */
export function requireOneOf<Choice extends string>(
  name: string,
  value: unknown,
  allowed: readonly Choice[],
  hint = "",
): asserts value is Choice {
  if (allowed.includes(value as Choice)) return;
  requireString(name, value);
  throw new RangeError(`"${name}" must be one of ${allowed.join(", ")}, got ${JSON.stringify(value)}${hint}`);
}

/** Throws unless the value is a compression level. */
export function requireLevel(level: unknown): asserts level is number {
  requireInteger("level", level, LEVEL_MIN, LEVEL_MAX);
}

/**
 * Throws if a caller's function returned a promise where a value is needed at once. The promise's rejection is
 * caught, because nobody else would handle it and it would end the process.
 */
export function requireSynchronous(name: string, value: unknown): void {
  if (typeof (value as Partial<Promise<unknown>> | null | undefined)?.then !== "function") return;
  Promise.resolve(value).catch(() => {});
  throw new TypeError(`"${name}" must be given synchronously, got a promise`);
}
