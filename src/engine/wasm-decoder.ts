import type { DecoderEngine } from "./engine.ts";
import { OneShotDecoder } from "./one-shot-decoder.ts";
import { OneShotInstance } from "./one-shot-instance.ts";

/** Makes a decoding engine over a compiled zstash module. What streams need is loaded with the first of them. */
export async function createDecoderEngine(
  load: () => Promise<WebAssembly.Module>,
  memoryLimit: number,
): Promise<DecoderEngine> {
  try {
    return overModule(await load(), memoryLimit);
  } catch (cause) {
    // A page whose load succeeds never fetches the explanations.
    const { toLoadError } = await import("./load-error.ts");
    throw toLoadError(cause);
  }
}

function overModule(module: WebAssembly.Module, memoryLimit: number): DecoderEngine {
  const oneShot = new OneShotInstance(() => new OneShotDecoder(module));
  let streams: ReturnType<typeof loadStreams> | undefined;
  return {
    decompress: (plan, into) => oneShot.run((instance) => instance.decompress(plan, into)),
    decompressText: (plan) => oneShot.run((instance) => instance.decompressText(plan)),
    async openDecompression(windowSize, maxWindowLog, signal) {
      streams ??= loadStreams(module, memoryLimit);
      const { pool, openDecompression } = await streams;
      return openDecompression(pool, windowSize, maxWindowLog, signal);
    },
  };
}

async function loadStreams(module: WebAssembly.Module, memoryLimit: number) {
  const [{ StreamPool }, { openDecompression }] = await Promise.all([
    import("./stream-pool.ts"),
    import("./stream-decompression.ts"),
  ]);
  return { pool: new StreamPool(module, memoryLimit), openDecompression };
}
