import type { RestSettings } from "../rest/rest-options.ts";
import type { RawTransport } from "./raw-transport.ts";

/** Loads the code of the raw carrier's transport when the first request needs it: who has none of it pays for none. */
export class TransportLoader {
  readonly #settings: RestSettings;
  #loaded: RawTransport | undefined;
  #loading: Promise<RawTransport> | undefined;

  constructor(settings: RestSettings) {
    this.#settings = settings;
  }

  /** The transport, once it is there: then nothing has to be awaited. */
  get loaded(): RawTransport | undefined {
    return this.#loaded;
  }

  /** The transport. Rejects where its code cannot be loaded; the next call tries again. */
  load(): Promise<RawTransport> {
    this.#loading ??= this.#start().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  async #start(): Promise<RawTransport> {
    const { RawTransport } = await import("./on-demand.ts");
    this.#loaded ??= new RawTransport(this.#settings);
    return this.#loaded;
  }
}
