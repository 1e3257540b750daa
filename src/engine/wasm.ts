import type { Engine, EngineFactory, EngineOptions } from "./engine.ts";
import { toLoadError } from "./load-error.ts";
import { OneShot } from "./one-shot.ts";
import { OneShotInstance } from "./one-shot-instance.ts";
import { openCompression } from "./stream-compression.ts";
import { openDecompression } from "./stream-decompression.ts";
import { StreamPool } from "./stream-pool.ts";

/** Makes the factory of engines over a compiled zstash module: one instance for one-shot work, a pool for streams. */
export function createEngine(load: () => Promise<WebAssembly.Module>): EngineFactory {
  return async (options) => {
    try {
      return overModule(await load(), options);
    } catch (cause) {
      throw toLoadError(cause);
    }
  };
}

function overModule(module: WebAssembly.Module, options: EngineOptions): Engine {
  const oneShot = new OneShotInstance(() => new OneShot(module));
  const streams = new StreamPool(module, options);
  return {
    compress: (source, parameters) => oneShot.run((instance) => instance.compress(source, parameters)),
    decompress: (plan, into) => oneShot.run((instance) => instance.decompress(plan, into)),
    decompressText: (plan) => oneShot.run((instance) => instance.decompressText(plan)),
    async openCompression(parameters, signal) {
      const contextSize = oneShot.run((instance) => instance.estimateStream(parameters));
      return openCompression(streams, parameters, contextSize, signal);
    },
    openDecompression: (parameters, signal) => openDecompression(streams, parameters, signal),
    stats() {
      const { memory, ...counts } = streams.stats();
      return { ...counts, memory: memory + oneShot.memorySize };
    },
  };
}
