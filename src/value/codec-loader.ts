import { describe } from "../check.ts";
import { loadZstd, type Zstd } from "../codec/zstd.ts";
import { ZstashError } from "../errors.ts";
import type { CodecFailure } from "./encode.ts";

/**
 * A codec, the promise of one, or a function that loads one and is asked again after a failure. The first value that
 * needs the codec waits for it.
 */
export type CodecOption = Zstd | Promise<Zstd> | (() => Promise<Zstd>);

/** Loads a codec when it is first needed, once. */
export class CodecLoader {
  readonly #load: () => Promise<Zstd>;
  #loaded: Zstd | undefined;
  #loading: Promise<Zstd | CodecFailure> | undefined;

  constructor(option: CodecOption = loadZstd) {
    if (typeof option === "function") {
      this.#load = option;
    } else if (isPromise(option)) {
      this.#load = () => option;
      // A rejection is for whoever first needs the codec: until then it is not unhandled.
      option.then(undefined, () => {});
    } else {
      this.#loaded = requireCodec(option);
      this.#load = () => Promise.resolve(option);
    }
  }

  /** The codec, once it is there: then nothing has to be awaited. */
  get loaded(): Zstd | undefined {
    return this.#loaded;
  }

  /** The codec, or why there is none. Never rejects; after a failure the next call tries again. */
  load(): Promise<Zstd | CodecFailure> {
    this.#loading ??= this.#start().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  async #start(): Promise<Zstd | CodecFailure> {
    try {
      this.#loaded = requireCodec(await this.#load());
      return this.#loaded;
    } catch (cause) {
      if (cause instanceof ZstashError) return { error: cause };
      return {
        error: new ZstashError("WASM_UNAVAILABLE", "Cannot load the codec: its loader failed", { cause }),
      };
    }
  }
}

/** By its method: the promise may be of another realm. */
function isPromise(option: CodecOption): option is Promise<Zstd> {
  return typeof (option as Partial<Promise<Zstd>> | null)?.then === "function";
}

function requireCodec(value: unknown): Zstd {
  const codec = value as Partial<Zstd> | null | undefined;
  if (typeof codec?.compress !== "function" || typeof codec.decompressText !== "function") {
    throw new TypeError(`"zstd" must be a codec, a promise of one or a function, got ${describe(value)}`);
  }
  return codec as Zstd;
}
