import type { DecoderEngine, EngineOptions } from "./engine.ts";
import { OneShotDecoder } from "./one-shot-decoder.ts";
import { OneShotInstance } from "./one-shot-instance.ts";

/** Makes a decoding engine over a compiled zstash module. What streams need is loaded with the first of them. */
export async function createDecoderEngine(
  load: () => Promise<WebAssembly.Module>,
  options: EngineOptions,
): Promise<DecoderEngine> {
  try {
    return overModule(await load(), options);
  } catch (cause) {
    // A page whose load succeeds never fetches the explanations.
    const { toLoadError } = await import("./load-error.ts");
    throw toLoadError(cause);
  }
}

function overModule(module: WebAssembly.Module, options: EngineOptions): DecoderEngine {
  const oneShot = new OneShotInstance(() => new OneShotDecoder(module));
  let streams: ReturnType<typeof loadStreams> | undefined;
  return {
    decompress: (plan, into) => oneShot.run((instance) => instance.decompress(plan, into)),
    decompressText: (plan) => oneShot.run((instance) => instance.decompressText(plan)),
    async openDecompression(parameters, signal) {
      streams ??= loadStreams(module, options);
      const { pool, openDecompression } = await streams;
      return openDecompression(pool, parameters, signal);
    },
  };
}

async function loadStreams(module: WebAssembly.Module, options: EngineOptions) {
  const [{ StreamPool }, { openDecompression }] = await Promise.all([
    import("./stream-pool.ts"),
    import("./stream-decompression.ts"),
  ]);
  return { pool: new StreamPool(module, options), openDecompression };
}
