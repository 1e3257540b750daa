/** Decompression streams on pooled instances. */
import type { Dictionary } from "../format/dictionary.ts";
import { DigestedDictionaries, STREAM_DICTIONARIES } from "./dictionaries.ts";
import type { DecompressContextSettings, DecompressionContext, StreamStep } from "./engine.ts";
import { ZSTD_d_windowLogMax, ZSTD_reset_session_only } from "./exports.ts";
import { requireAddress } from "./memory.ts";
import { INSTANCE_OVERHEAD, type StreamContext, type StreamInstance } from "./stream-instance.ts";
import type { StreamPool } from "./stream-pool.ts";
import { toDecodeError } from "./zstd-errors.ts";

/** A ZSTD_DCtx, and the two blocks that a decompression stream keeps beside its window. */
const CONTEXT_SIZE = (96 << 10) + (256 << 10);

/** Waits for an instance and starts a decompression stream on it; see `Engine.openDecompression`. */
export function openDecompression(
  pool: StreamPool,
  { windowSize, maxWindowLog, job }: DecompressContextSettings,
  signal: AbortSignal,
): Promise<DecompressionContext> {
  const estimate = INSTANCE_OVERHEAD + CONTEXT_SIZE + Math.min(windowSize, 2 ** maxWindowLog);
  const claim = { estimate, kind: job ? "job" : "decompression" } as const;
  return pool.open(claim, signal, (instance, trapGuard, release) => {
    const decompression = instance.context(Decompression);
    decompression.start(maxWindowLog);
    return {
      step: (input) => trapGuard(() => decompression.step(input)),
      begin: (dictionary) => trapGuard(() => decompression.begin(dictionary)),
      release,
    };
  });
}

/** A ZSTD_DCtx that decodes one stream after the other. */
class Decompression implements StreamContext {
  readonly #instance: StreamInstance;
  readonly #dictionaries: DigestedDictionaries;
  readonly #context: number;

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
    this.#instance.exports.ZSTD_freeDCtx(this.#context);
    this.#dictionaries.clear();
  }

  start(maxWindowLog: number): void {
    const { exports } = this.#instance;
    exports.ZSTD_DCtx_reset(this.#context, ZSTD_reset_session_only);
    exports.ZSTD_DCtx_refDDict(this.#context, 0);
    exports.ZSTD_DCtx_setParameter(this.#context, ZSTD_d_windowLogMax, maxWindowLog);
  }

  begin(dictionary: Dictionary | undefined): void {
    const { exports } = this.#instance;
    const digested =
      dictionary === undefined
        ? 0
        : this.#dictionaries.get(`${dictionary.id}`, dictionary, exports.ZSTD_createDDict);
    exports.ZSTD_DCtx_refDDict(this.#context, digested);
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
