/** An internal option of streams: a stopwatch that adds up the time that a stream spends in the codec. */
import type { CompressionContext, DecompressionContext, Engine } from "../engine/engine.ts";
import type { ByteTransform } from "../streams.ts";
import { now } from "../timers.ts";
import type { DecompressOptions, DecompressStreamOptions } from "./decompress-options.ts";

/** The option's name. Other codecs do not know it, and leave the stopwatch at 0. */
export const stopwatch: unique symbol = Symbol("stopwatch");

/** Where the time is added. */
export interface Stopwatch {
  /** Milliseconds by the runtime's clock. */
  ms: number;
}

type StreamEngine = Pick<Engine, "compress" | "openCompression" | "openDecompression">;

/**
 * The engine itself, or one that times its work if the options have a stopwatch. Waiting for a context does not
 * count.
 */
export function timedEngine(engine: StreamEngine, options: object | undefined): StreamEngine {
  const watch = watchOf(options);
  if (watch === undefined) return engine;
  return {
    compress: (source, settings) => timed(watch, () => engine.compress(source, settings)),
    async openCompression(settings, signal): Promise<CompressionContext> {
      const context = await engine.openCompression(settings, signal);
      return {
        step: (input, directive) => timed(watch, () => context.step(input, directive)),
        release: () => context.release(),
      };
    },
    async openDecompression(settings, signal): Promise<DecompressionContext> {
      const context = await engine.openDecompression(settings, signal);
      return {
        step: (input) => timed(watch, () => context.step(input)),
        begin: (dictionary) => timed(watch, () => context.begin(dictionary)),
        decodeRun: (frames, size) => timed(watch, () => context.decodeRun?.(frames, size)),
        release: () => context.release(),
      };
    },
  };
}

/** What decodes ranges. */
interface RangeDecoder {
  decompress(data: Uint8Array, options?: DecompressOptions): Uint8Array<ArrayBuffer>;
  decompressStream(options?: DecompressStreamOptions): ByteTransform;
}

/** The decoder itself, or one that times its work if the options have a stopwatch. */
export function timedDecoder<Decoder extends RangeDecoder>(
  decoder: Decoder,
  options: object | undefined,
): Decoder | RangeDecoder {
  const watch = watchOf(options);
  if (watch === undefined) return decoder;
  return {
    decompress: (data, settings) => timed(watch, () => decoder.decompress(data, settings)),
    decompressStream(settings) {
      const withWatch = { ...settings, [stopwatch]: watch };
      return decoder.decompressStream(withWatch);
    },
  };
}

function watchOf(options: object | undefined): Stopwatch | undefined {
  return (options as { readonly [stopwatch]?: Stopwatch } | undefined)?.[stopwatch];
}

function timed<Result>(watch: Stopwatch, work: () => Result): Result {
  const start = now();
  try {
    return work();
  } finally {
    watch.ms += now() - start;
  }
}
