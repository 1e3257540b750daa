/**
 * The dictionaries of a run over many keys: those that values were written with, and the one with which each key is
 * written.
 */
import type { SendCommands } from "../../dictionaries/fetch.ts";
import { RedisDictionaries, type Caller } from "../../dictionaries/in-redis.ts";
import type { Dictionary, DictionaryLookup } from "../../format/dictionary.ts";
import type { RestClient } from "../../rest/client.ts";
import { scalarOf } from "../../rest/scalar.ts";
import { Failure } from "../command.ts";

/** Milliseconds that reading the manifest and a dictionary may take: no user waits for a response here. */
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
   * Fetches the dictionaries with which these keys are written.
   *
   * @throws {Failure} if the manifest or a dictionary cannot be read, or if the kill switch is set
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

  /** Fetches dictionaries by their ids, for reading. */
  async fetch(ids: ReadonlySet<number>): Promise<DictionaryLookup> {
    return ids.size === 0 ? new Map<number, Dictionary>() : this.#known.fetch(ids, this.#caller);
  }
}
