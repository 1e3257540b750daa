/** Reads from a caller's range source, and checks what it returns. */
import { isBytes, isGone } from "../bytes.ts";
import { describe } from "../check.ts";
import { ZstashError } from "../errors.ts";
import { onAbort } from "../signals.ts";
import type { RangeSource } from "./decompress-options.ts";

/**
 * Reads `[start, end)`. `frame` is the number of the first frame in it, for errors.
 *
 * It ends with the signal even if the source does not. A ZstashError of the source is passed on unchanged.
 *
 * @throws {ZstashError} TRUNCATED (the source returned less), CORRUPT (it returned more), INTERNAL (it failed; the
 * cause says how)
 * @throws {TypeError} if the source returned no Uint8Array
 */
export async function readExactly(
  source: RangeSource,
  start: number,
  end: number,
  frame: number | undefined,
  signal: AbortSignal,
): Promise<Uint8Array> {
  signal.throwIfAborted();
  const where = { offset: start, frame };
  const what = `Cannot read bytes ${start} to ${end} of the source`;
  let bytes: Uint8Array;
  try {
    bytes = await untilAborted(source.read(start, end, { signal }), signal);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (error instanceof ZstashError) throw error;
    throw new ZstashError("INTERNAL", `${what}: its read failed`, { ...where, cause: error });
  }
  if (!isBytes(bytes)) {
    throw new TypeError(`"source.read" must return a Uint8Array, got ${describe(bytes)}`);
  }
  if (isGone(bytes)) {
    throw new TypeError('"source.read" must not return bytes whose buffer was transferred or shrunk');
  }
  if (bytes.length !== end - start) {
    const code = bytes.length < end - start ? "TRUNCATED" : "CORRUPT";
    throw new ZstashError(code, `${what}: wanted ${end - start} bytes, got ${bytes.length}`, where);
  }
  return bytes;
}

/** The source with the bytes from `at` on already held. Reads within them are not passed on. */
export function withBytes(source: RangeSource, at: number, bytes: Uint8Array): RangeSource {
  return {
    size: source.size,
    async read(start, end, options) {
      const held = start >= at && end <= at + bytes.length;
      return held ? bytes.subarray(start - at, end - at) : source.read(start, end, options);
    },
  };
}

function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    const ignore = onAbort(signal, abort);
    Promise.resolve(work).then(resolve, reject).finally(ignore);
  });
}
