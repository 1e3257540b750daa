/** Decompression streams on pooled instances. */
import type { Dictionary } from "../format/dictionary.ts";
import { DigestedDictionaries, STREAM_DICTIONARIES } from "./dictionaries.ts";
import type { DecompressContextSettings, DecompressionContext, StreamStep } from "./engine.ts";
import { ZSTD_d_windowLogMax, ZSTD_reset_session_only } from "./exports.ts";
import { requireAddress, type Area } from "./memory.ts";
import { INSTANCE_OVERHEAD, type StreamContext, type StreamInstance } from "./stream-instance.ts";
import { claimKind } from "./memory-shares.ts";
import { attempt, type StreamPool } from "./stream-pool.ts";
import { isZstdError, toDecodeError, toZstashError } from "./zstd-errors.ts";

/** A ZSTD_DCtx, and the two blocks that a decompression stream keeps besides its window. */
const CONTEXT_SIZE = (96 << 10) + (256 << 10);

/** Waits for an instance and starts a decompression stream on it; see `Engine.openDecompression`. */
export function openDecompression(
  pool: StreamPool,
  { windowSize, maxWindowLog, prefix, pacing }: DecompressContextSettings,
  signal: AbortSignal,
): Promise<DecompressionContext> {
  const window = Math.min(windowSize, 2 ** maxWindowLog);
  const estimate = INSTANCE_OVERHEAD + CONTEXT_SIZE + window + (prefix?.length ?? 0);
  const claim = { estimate, kind: claimKind(pacing, "decompression") };
  return pool.open(claim, signal, (instance, trapGuard, release) => {
    const decompression = instance.context(Decompression);
    decompression.start(maxWindowLog, prefix);
    return {
      step: (input) => trapGuard(() => decompression.step(input)),
      begin: (dictionary) => trapGuard(() => decompression.begin(dictionary)),
      decodeRun: (frames, size) => trapGuard(() => decompression.decodeRun(frames, size)),
      release() {
        if (prefix !== undefined) attempt(() => trapGuard(() => decompression.end()));
        release();
      },
    };
  });
}

/** A ZSTD_DCtx that decodes one stream after another. */
class Decompression implements StreamContext {
  readonly #instance: StreamInstance;
  readonly #dictionaries: DigestedDictionaries;
  readonly #context: number;
  #prefix: Area | undefined;

  constructor(instance: StreamInstance) {
    this.#instance = instance;
    this.#dictionaries = new DigestedDictionaries(
      instance.memory,
      instance.exports.ZSTD_freeDDict,
      STREAM_DICTIONARIES,
    );
    this.#context = requireAddress(instance.exports.ZSTD_createDCtx());
  }

  free(): void {
    this.end();
    this.#instance.exports.ZSTD_freeDCtx(this.#context);
    this.#dictionaries.clear();
  }

  start(maxWindowLog: number, prefix: Uint8Array | undefined): void {
    const { exports } = this.#instance;
    this.end();
    exports.ZSTD_DCtx_reset(this.#context, ZSTD_reset_session_only);
    exports.ZSTD_DCtx_refDDict(this.#context, 0);
    exports.ZSTD_DCtx_setParameter(this.#context, ZSTD_d_windowLogMax, maxWindowLog);
    if (prefix !== undefined) this.#prefix = this.#instance.memory.keepBytes(prefix);
  }

  /** Frees what the stream kept. */
  end(): void {
    if (this.#prefix === undefined) return;
    const { exports, memory } = this.#instance;
    exports.ZSTD_DCtx_reset(this.#context, ZSTD_reset_session_only);
    exports.ZSTD_DCtx_refDDict(this.#context, 0);
    memory.release(this.#prefix);
    this.#prefix = undefined;
  }

  begin(dictionary: Dictionary | undefined): void {
    const { exports } = this.#instance;
    const digested =
      dictionary === undefined
        ? 0
        : this.#dictionaries.get(`${dictionary.id}`, dictionary, exports.ZSTD_createDDict);
    exports.ZSTD_DCtx_refDDict(this.#context, digested);
    if (digested !== 0 || this.#prefix === undefined) return;
    const { address, size } = this.#prefix;
    const result = exports.ZSTD_DCtx_refPrefix(this.#context, address, size);
    if (isZstdError(result)) throw toZstashError(result, "refer to the prefix");
  }

  decodeRun(frames: Uint8Array, size: number): Uint8Array<ArrayBuffer> | undefined {
    // A prefix holds for one frame.
    return this.#prefix === undefined ? this.#instance.decodeRun(this.#context, frames, size) : undefined;
  }

  step(input: Uint8Array): StreamStep {
    const { exports, buffers } = this.#instance;
    return this.#instance.step(
      input,
      () => exports.ZSTD_decompressStream(this.#context, buffers),
      // Any block fits into the output.
      (result) => toDecodeError(result, true),
    );
  }
}
