/** The engine on zstash's own WebAssembly module: one instance for whole values, and a pool of them for streams. */
import type { Engine, EngineFactory, EngineSettings } from "./engine.ts";
import { explainFailure } from "./exports.ts";
import { createOneShot } from "./one-shot.ts";
import { openCompression } from "./stream-compression.ts";
import { openDecompression } from "./stream-decompression.ts";
import { StreamPool } from "./stream-pool.ts";
import type { MakeWideText } from "./wide-text.ts";

/** Makes a factory of engines from a compiled zstash module. */
export function createEngine(
  load: () => Promise<WebAssembly.Module>,
  makeWideText?: MakeWideText,
): EngineFactory {
  return (settings) => explainFailure(async () => createEngineOver(await load(), settings, makeWideText));
}

/** Makes an engine from a compiled zstash module at once; throws what its start throws. */
export function createEngineOver(
  module: WebAssembly.Module,
  settings: EngineSettings,
  makeWideText?: MakeWideText,
): Engine {
  const oneShot = createOneShot(module, makeWideText);
  const streams = new StreamPool(module, settings);
  return {
    compress: oneShot.compress,
    decompress: oneShot.decompress,
    decompressText: oneShot.decompressText,
    async openCompression(settings, signal) {
      return openCompression(streams, settings, oneShot.estimateStream(settings), signal);
    },
    openDecompression: (settings, signal) => openDecompression(streams, settings, signal),
    stats() {
      const { memory, ...counts } = streams.stats();
      return { ...counts, memory: memory + oneShot.memorySize() };
    },
  };
}
