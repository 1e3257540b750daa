/** The dictionaries of a run over many keys: those that values were written with, and the one that each key is written with. */
import type { SendCommands } from "../../dictionaries/fetch.ts";
import { RedisDictionaries, type Caller } from "../../dictionaries/in-redis.ts";
import type { Dictionary, DictionaryLookup } from "../../format/dictionary.ts";
import type { RestClient } from "../../rest/client.ts";
import { scalarOf } from "../../rest/scalar.ts";
import { Failure } from "../command.ts";

/** Milliseconds that the manifest and a dictionary may take: nobody waits for the answer to a request here. */
const WAIT = 10_000;

/** Dictionaries of one server. */
export class RunDictionaries {
  readonly #known = new RedisDictionaries();
  readonly #caller: Caller;
  #failure: unknown;

  constructor(client: RestClient) {
    const send: SendCommands = async (commands) => (await client.batch("pipeline", commands)).map(scalarOf);
    this.#caller = {
      send,
      onEvent: (event) => {
        if (event.type === "dictionaries-failed") this.#failure = event.error;
      },
    };
  }

  /**
   * Brings what these keys are written with.
   *
   * @throws {Failure} where the manifest or a dictionary cannot be read, and where the kill switch is set
   */
  async prepare(keys: readonly string[]): Promise<void> {
    await this.#known.prepare(keys, this.#caller, WAIT);
    if (this.#failure !== undefined) {
      const reason = this.#failure instanceof Error ? this.#failure.message : "it cannot be read";
      throw new Failure(`Cannot write with dictionaries: ${reason}`);
    }
    const { mode } = this.#known;
    if (mode === "on") return;
    throw new Failure(
      `Cannot write with dictionaries: the manifest's mode is "${mode}". Leave --with-dictionaries out, or switch it on`,
    );
  }

  choose(key: string): Dictionary | undefined {
    return this.#known.choose(key);
  }

  /** Dictionaries by their ids, for reading. */
  async fetch(ids: ReadonlySet<number>): Promise<DictionaryLookup> {
    return ids.size === 0 ? new Map<number, Dictionary>() : this.#known.fetch(ids, this.#caller);
  }
}
