/** The modes of the wrapper: their names, the words that mean them, and functions that give them. */
import { requireOneOf, requireString, requireSynchronous } from "../check.ts";
import { emit, type EventListener } from "../metrics/events.ts";

/**
 * The mode of the wrapper. Clients of different modes can share a database without losing values: strings that would
 * be taken for compressed values are wrapped in every mode.
 *
 * - "on": values are compressed when written and decoded when read.
 * - "read-only": values are written uncompressed, and decoded when read.
 * - "shadow": values are compressed and reported by events, but written uncompressed; they are decoded when read.
 * - "passthrough": values are written and read unchanged, and the codec is never loaded.
 */
export type CompressionMode = "on" | "read-only" | "shadow" | "passthrough";

const modes: readonly CompressionMode[] = ["on", "read-only", "shadow", "passthrough"];

/** Words that people try for "compress no more, decode as before". */
const otherWords: ReadonlyMap<string, CompressionMode> = new Map([
  ["off", "read-only"],
  ["readonly", "read-only"],
]);

/**
 * Reads the mode from an environment variable, so that it can be switched without a deployment: "on", "read-only",
 * "shadow" or "passthrough", in any letter case. "off" means "read-only": nothing is compressed, and stored values
 * are decoded. Unset or empty means "on".
 *
 * @throws {RangeError} for any other word, when it is called and not at the first request
 * @example
 * ```ts
 * const mode = readMode(process.env.ZSTASH_MODE);
 * const redis = Redis.fromEnv({ compression: { mode } });
 * readMode("OFF"); // → "read-only"
 * ```
 */
export function readMode(text: string | undefined): CompressionMode {
  if (text !== undefined) requireString("mode", text);
  const word = (text ?? "").trim().toLowerCase().replaceAll("_", "-");
  if (word === "") return "on";
  const mode = otherWords.get(word) ?? modes.find((one) => one === word);
  if (mode === undefined)
    throw new RangeError(`"mode" must be one of ${modes.join(", ")}, or off, got ${JSON.stringify(text)}`);
  return mode;
}

/** Throws unless the value is a mode. The message says what takes the place of "off". */
export function requireMode(mode: unknown): asserts mode is CompressionMode {
  requireOneOf(
    "mode",
    mode,
    modes,
    ': "read-only" writes values uncompressed, and readMode("off") is "read-only"',
  );
}

/** A mode function must not fail every request: "read-only" is correct for every reader and writer. */
export function safeMode(
  mode: () => CompressionMode,
  onEvent: EventListener | undefined,
): () => CompressionMode {
  return () => {
    try {
      const answer = mode();
      requireSynchronous("mode", answer);
      requireMode(answer);
      return answer;
    } catch (error) {
      if (onEvent !== undefined) emit(onEvent, { type: "mode-failed", error });
      return "read-only";
    }
  };
}
