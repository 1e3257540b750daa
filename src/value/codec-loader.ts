/** The `zstd` option: a codec that is loaded when the first value needs it. */
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
  /** The codec, once it is there: then nothing has to be awaited. Only the loader sets it. */
  loaded: Zstd | undefined;
  readonly #load: () => Promise<Zstd>;
  #loading: Promise<Zstd | CodecFailure> | undefined;

  constructor(option: CodecOption = loadZstd) {
    if (typeof option === "function") {
      this.#load = option;
    } else if (isPromise(option)) {
      this.#load = () => option;
      // A rejection is for whoever first needs the codec: until then it is not unhandled.
      option.then(undefined, () => {});
    } else {
      this.loaded = requireCodec(option);
      this.#load = () => Promise.resolve(option);
    }
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
      return (this.loaded = requireCodec(await this.#load()));
    } catch (cause) {
      if (cause instanceof ZstashError) return { error: cause };
      return {
        error: new ZstashError("WASM_UNAVAILABLE", "Cannot load the codec: its loader failed", { cause }),
      };
    }
  }
}

/** Tells a promise by its method: it may be of another realm. */
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
