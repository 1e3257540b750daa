import * as peer from "@bokuweb/zstd-wasm";
import { ZstashError } from "../errors.ts";
import type { DecodePlan, Engine, EngineCompressParameters, EngineFactory } from "./engine.ts";
import { decodeUtf8 } from "./utf8.ts";
import { DST_SIZE_TOO_SMALL, isZstdError, toDecodeError, toZstashError } from "./wasm-error.ts";

/**
 * The engine of the package `@bokuweb/zstd-wasm`, an optional peer: one-shot coding without checksums.
 *
 * Its own decoder allocates what a frame header claims and takes frames of unknown size for 1 MB; here every frame is
 * found, bounded and handed over alone. Asking for a checksum is UNSUPPORTED.
 *
 * @throws {ZstashError} WASM_UNAVAILABLE where the peer cannot load its module
 * @example
 * ```ts
 * import { loadZstd } from "zstash";
 * import { bokuweb } from "zstash/bokuweb";
 *
 * const zstd = await loadZstd({ engine: bokuweb });
 * ```
 */
export const bokuweb: EngineFactory = async () => {
  try {
    await peer.init();
  } catch (cause) {
    throw new ZstashError(
      "WASM_UNAVAILABLE",
      "Cannot load zstd: @bokuweb/zstd-wasm did not load its own module; leave the engine option out to use zstash's",
      { cause },
    );
  }
  return engine;
};

const encoder = new TextEncoder();

const engine: Engine = {
  compress(source: Uint8Array | string, { level, ...parameters }: EngineCompressParameters): Uint8Array {
    if (parameters.checksum === true) throw unsupported("write a checksum");
    if (parameters.dictionary !== undefined) throw unsupported("compress with a registered dictionary");
    if (parameters.parameters !== undefined) throw unsupported("take advanced parameters");
    const bytes = typeof source === "string" ? encoder.encode(source) : source;
    return call(
      "compress",
      () => peer.compress(bytes, level),
      (code) => toZstashError(code, "compress"),
    );
  },
  decompress: decode,
  decompressText: (plan) => decodeUtf8(decode(plan)),
  openCompression: () => Promise.reject(unsupported("stream")),
  openDecompression: () => Promise.reject(unsupported("stream")),
  stats: () => ({ live: 0, idle: 0, waiters: 0, memory: 0 }),
};

function unsupported(what: string): ZstashError {
  return new ZstashError("UNSUPPORTED", `Cannot ${what}: @bokuweb/zstd-wasm does not`);
}

function decode(
  { data, frames, capacity }: DecodePlan,
  into: Uint8Array = new Uint8Array(capacity),
): Uint8Array {
  let filled = 0;
  let frame = -1;
  for (const { start, end, header, bound } of frames) {
    frame += 1;
    if (header.type === "skippable") continue;
    if (header.dictionaryId !== 0) throw unsupported("decompress with a registered dictionary");
    // Passed on only where the header has no size; a size that is there has been checked against the limit.
    const defaultHeapSize = Math.min(capacity - filled, header.contentSize ?? bound);
    const fits = (header.contentSize ?? bound) <= capacity - filled;
    const output = call(
      "decompress",
      () => peer.decompress(data.subarray(start, end), { defaultHeapSize }),
      (code) => toDecodeError(code, fits, { frame, offset: start }),
    );
    if (output.length > into.length - filled) throw toZstashError(DST_SIZE_TOO_SMALL, "decompress");
    into.set(output, filled);
    filled += output.length;
  }
  return into.subarray(0, filled);
}

/** Runs the peer; the only trace of zstd's error code that it leaves is the number in its message. */
function call(operation: string, work: () => Uint8Array, toError: (code: number) => Error): Uint8Array {
  try {
    return work();
  } catch (cause) {
    const code = Number(/code (-\d+)/.exec(cause instanceof Error ? cause.message : "")?.[1]);
    if (isZstdError(code)) throw toError(code);
    throw new ZstashError("INTERNAL", `Cannot ${operation}: @bokuweb/zstd-wasm failed`, { cause });
  }
}
