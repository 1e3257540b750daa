/** The `zstd` option: a codec that is loaded when the first value needs it. */
import { describe } from "../check.ts";
import { loadZstd, zstdAtHand, type Zstd } from "../codec/zstd.ts";
import { ZstashError } from "../errors.ts";
import { giveSigns, hasEnded, type Work } from "../signs.ts";
import type { CodecFailure } from "./encode.ts";

/**
 * A codec, the promise of one, or a function that loads one and is called again after a failure. The first value that
 * needs the codec waits for it.
 */
export type CodecOption = Zstd | Promise<Zstd> | (() => Promise<Zstd>);

/** A load that is under way, as its waiters see it. */
interface Claim extends Work {
  /** Set if the load has failed. */
  failure: CodecFailure | undefined;
}

/**
 * Loads a codec when it is first needed, once. The state of the load is data: on Workers a promise ends with the
 * request that made it, and others would wait for it forever. Each waiter looks by its own timer, and loads the codec
 * itself if the other request shows no sign of life.
 */
export class CodecLoader {
  /** The codec, once it is loaded: then nothing has to be awaited. Only the loader sets it. */
  loaded: Zstd | undefined;
  readonly #load: () => Promise<Zstd>;
  #claim: Claim | undefined;

  constructor(option: CodecOption = loadZstd) {
    if (option === loadZstd) this.loaded = zstdAtHand();
    if (typeof option === "function") {
      this.#load = option;
    } else if (isPromise(option)) {
      this.#load = () => option;
      // The first user of the codec gets the rejection: until then it must not count as unhandled.
      option.then(undefined, () => {});
    } else {
      this.loaded = requireCodec(option);
      this.#load = () => Promise.resolve(option);
    }
  }

  /** Returns the codec, or the reason why there is none. Never rejects; after a failure the next call tries again. */
  async load(): Promise<Zstd | CodecFailure> {
    while (this.loaded === undefined) {
      const claim = this.#claim;
      if (claim === undefined) return this.#start();
      const ended = await hasEnded(claim, () => this.loaded === undefined && this.#claim === claim);
      if (claim.failure !== undefined) return claim.failure;
      if (!ended) this.#claim = undefined;
    }
    return this.loaded;
  }

  async #start(): Promise<Zstd | CodecFailure> {
    const claim: Claim = { seen: 0, failure: undefined };
    const stop = giveSigns(claim);
    this.#claim = claim;
    try {
      return (this.loaded = requireCodec(await this.#load()));
    } catch (cause) {
      claim.failure = {
        error:
          cause instanceof ZstashError
            ? cause
            : new ZstashError("WASM_UNAVAILABLE", "Cannot load the codec: its loader failed", { cause }),
      };
      return claim.failure;
    } finally {
      stop();
      if (this.#claim === claim) this.#claim = undefined;
    }
  }
}

/** Recognizes a promise by its method: it may be of another realm. */
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
