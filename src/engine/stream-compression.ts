/** Compression streams on pooled instances. */
import { COMPRESSION_FACTOR, DigestedDictionaries, STREAM_DICTIONARIES } from "./dictionaries.ts";
import type { CompressionContext, CompressStreamSettings, EndDirective, StreamStep } from "./engine.ts";
import { ZSTD_e_continue } from "./engine.ts";
import {
  requireCompression,
  ZSTD_c_targetCBlockSize,
  ZSTD_reset_session_only,
  type ZstashCompressionExports,
} from "./exports.ts";
import { ParameterCache, setParameter } from "./parameter-cache.ts";
import { requireAddress, type Area } from "./memory.ts";
import { INPUT_SIZE, INSTANCE_OVERHEAD, type StreamContext, type StreamInstance } from "./stream-instance.ts";
import { claimKind } from "./memory-shares.ts";
import { attempt, type StreamPool } from "./stream-pool.ts";
import { isZstdError, toZstashError } from "./zstd-errors.ts";

/** Waits for an instance and starts a compression stream on it; see `Engine.openCompression`. */
export function openCompression(
  pool: StreamPool,
  settings: CompressStreamSettings,
  contextSize: number,
  signal: AbortSignal,
): Promise<CompressionContext> {
  const { prefix } = settings;
  const kind = claimKind(settings.pacing, "compression");
  const claim = { estimate: INSTANCE_OVERHEAD + contextSize, kind };
  return pool.open(claim, signal, (instance, trapGuard, release) => {
    const compression = instance.context(Compression);
    compression.start(settings);
    return {
      step: (input, directive) => trapGuard(() => compression.step(input, directive)),
      release() {
        if (prefix !== undefined) attempt(() => trapGuard(() => compression.end()));
        release();
      },
    };
  });
}

/** A ZSTD_CCtx that makes one stream after another. */
class Compression implements StreamContext {
  readonly #instance: StreamInstance;
  readonly #exports: ZstashCompressionExports;
  readonly #dictionaries: DigestedDictionaries;
  readonly #parameters = new ParameterCache();
  readonly #context: number;
  #prefix: Area | undefined;

  constructor(instance: StreamInstance) {
    this.#instance = instance;
    this.#exports = requireCompression(instance.exports);
    this.#dictionaries = new DigestedDictionaries(
      instance.memory,
      this.#exports.ZSTD_freeCDict,
      STREAM_DICTIONARIES,
      COMPRESSION_FACTOR,
    );
    this.#context = requireAddress(this.#exports.ZSTD_createCCtx());
  }

  free(): void {
    this.end();
    this.#exports.ZSTD_freeCCtx(this.#context);
    this.#dictionaries.clear();
  }

  start(settings: CompressStreamSettings): void {
    const exports = this.#exports;
    this.end();
    exports.ZSTD_CCtx_reset(this.#context, ZSTD_reset_session_only);
    this.#parameters.set(exports, this.#context, settings, settings.contentSize ?? -1);
    setParameter(exports, this.#context, ZSTD_c_targetCBlockSize, settings.targetCBlockSize ?? 0);
    const { contentSize, dictionary, prefix, level } = settings;
    const digested =
      dictionary === undefined
        ? 0
        : this.#dictionaries.get(`${dictionary.id} ${level}`, dictionary, (at, size) =>
            exports.ZSTD_createCDict(at, size, level),
          );
    exports.ZSTD_CCtx_refCDict(this.#context, digested);
    if (prefix !== undefined) {
      this.#prefix = this.#instance.memory.keepBytes(prefix);
      exports.ZSTD_CCtx_refPrefix(this.#context, this.#prefix.address, this.#prefix.size);
    }
    if (contentSize === undefined) return;
    const result = exports.ZSTD_CCtx_setPledgedSrcSize(this.#context, contentSize);
    if (isZstdError(result)) throw toZstashError(result, "declare the content size");
  }

  /** Frees what the stream kept; the context may refer to it until then. */
  end(): void {
    if (this.#prefix === undefined) return;
    this.#exports.ZSTD_CCtx_reset(this.#context, ZSTD_reset_session_only);
    this.#exports.ZSTD_CCtx_refCDict(this.#context, 0);
    this.#instance.memory.release(this.#prefix);
    this.#prefix = undefined;
  }

  step(input: Uint8Array, directive: EndDirective): StreamStep {
    // The directive is for the end of the input, so it waits if only part of the input fits.
    const due = input.length <= INPUT_SIZE ? directive : ZSTD_e_continue;
    return this.#instance.step(
      input,
      () => this.#exports.ZSTD_compressStream2(this.#context, this.#instance.buffers, due),
      (result) => toZstashError(result, "compress"),
    );
  }
}
