/** A decompression context on an instance of its own, without a pool: for a page, where few streams run at once. */
import type { StreamStep } from "./engine.ts";
import { ZSTD_d_windowLogMax, ZSTD_reset_session_only } from "./exports.ts";
import { requireAddress } from "./memory.ts";
import { StreamInstance } from "./stream-instance.ts";
import { toDecodeError, trapped } from "./zstd-errors.ts";

/** An instance and its ZSTD_DCtx, for one stream after another. It does not support frames with a dictionary. */
export class LoneDecompression {
  readonly #instance: StreamInstance;
  readonly #context: number;

  constructor(module: WebAssembly.Module) {
    this.#instance = new StreamInstance(module);
    this.#context = requireAddress(this.#instance.exports.ZSTD_createDCtx());
  }

  /** Linear memory in bytes. */
  get memorySize(): number {
    return this.#instance.memorySize;
  }

  /** Starts a stream, whatever happened to the previous one. */
  begin(maxWindowLog: number): void {
    const { exports } = this.#instance;
    exports.ZSTD_DCtx_reset(this.#context, ZSTD_reset_session_only);
    exports.ZSTD_DCtx_setParameter(this.#context, ZSTD_d_windowLogMax, maxWindowLog);
  }

  /** Runs one step. After INTERNAL the object must not be used again. */
  step(input: Uint8Array): StreamStep {
    const { exports, buffers } = this.#instance;
    try {
      return this.#instance.step(
        input,
        () => exports.ZSTD_decompressStream(this.#context, buffers),
        (result) => toDecodeError(result, true),
      );
    } catch (error) {
      throw error instanceof WebAssembly.RuntimeError ? trapped(error) : error;
    }
  }
}
