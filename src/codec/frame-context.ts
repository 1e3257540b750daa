/** The context that a decompression stream decodes its frames with: one at a time, as large as they need. */
import type { DecoderEngine, DecompressionContext } from "../engine/engine.ts";
import type { Dictionary } from "../format/dictionary.ts";
import { BLOCK_SIZE_MAX } from "../limits.ts";
import type { DecompressStreamSettings } from "./decompress-options.ts";
import { START_COST, type Pace } from "./pace.ts";
import { streamClosed } from "./transform.ts";

/** What a stream takes its context of. */
export interface ContextResources {
  readonly engine: Pick<DecoderEngine, "openDecompression">;
  readonly pace: Pace;
}

/** A context that comes with the first frame, and is another one where a frame needs a larger window. */
export class FrameContext {
  readonly #resources: ContextResources;
  readonly #settings: DecompressStreamSettings;
  readonly #end = new AbortController();
  #context: DecompressionContext | undefined;
  /** Bytes of window that the context was asked for. */
  #window = 0;
  /** The dictionary that the context was told of last, and whether it has been told of any. */
  #dictionary: Dictionary | undefined;
  #isNew = true;

  constructor(resources: ContextResources, settings: DecompressStreamSettings) {
    this.#resources = resources;
    this.#settings = settings;
  }

  /** The context; there is one between `fit` and `release`. */
  get current(): DecompressionContext {
    return this.#context!;
  }

  get isReleased(): boolean {
    return this.#end.signal.aborted;
  }

  /** Returns true if a frame with this window and dictionary needs nothing but what the context has. */
  suits(windowSize: number, dictionary: Dictionary | undefined): boolean {
    const most = Math.min(this.#window, 2 ** this.#settings.maxWindowLog);
    return windowSize <= most && dictionary === this.#dictionary;
  }

  /** Sees that the context has room for a window; a promise where it has to be had for that. */
  fit(windowSize: number): Promise<void> | undefined {
    if (this.#context !== undefined && windowSize <= this.#window) return undefined;
    return this.#open(Math.max(windowSize, BLOCK_SIZE_MAX));
  }

  /** Tells the context of the next frame's dictionary; returns true if it is another one than before. */
  refer(dictionary: Dictionary | undefined): boolean {
    const changed = this.#dictionary !== dictionary;
    // A prefix holds for one frame.
    if (changed || this.#isNew || this.#settings.prefix !== undefined) this.current.begin(dictionary);
    this.#isNew = false;
    this.#dictionary = dictionary;
    return changed;
  }

  release(): void {
    this.#end.abort(streamClosed());
    this.#context?.release();
    this.#context = undefined;
  }

  /**
   * A context with room for a window. One that has less is given back first: the pool counts windows, and a stream
   * that held one context while it waited for another could wait for itself.
   */
  async #open(window: number): Promise<void> {
    this.#context?.release();
    this.#context = undefined;
    const { maxWindowLog, prefix, pacing } = this.#settings;
    const context = await this.#resources.engine.openDecompression(
      { windowSize: window, maxWindowLog, prefix, pacing },
      this.#end.signal,
    );
    if (this.isReleased) {
      context.release();
      throw streamClosed();
    }
    this.#context = context;
    this.#window = window;
    this.#isNew = true;
    await this.#resources.pace.spend(START_COST);
    if (this.isReleased) throw streamClosed();
  }
}
