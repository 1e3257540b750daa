/**
 * The value `dictionaries: "auto"`: it represents the dictionaries in Redis, whose code is loaded at their first use.
 */
import { requireInteger } from "../check.ts";
import type { ZstashError } from "../errors.ts";
import type { Dictionary, DictionaryLookup } from "../format/dictionary.ts";
import type { FrameHeader } from "../format/frame.ts";
import type { RedisDictionaries } from "./in-redis.ts";

/** Milliseconds that a write waits for the manifest and its dictionary, unless the client says otherwise. */
const DEFAULT_WAIT = 50;

/** The dictionaries in Redis, before a client knows whether it needs them. */
export class AutoDictionaries implements DictionaryLookup {
  /** A policy may name dictionaries that are not loaded yet. */
  readonly complete = false;
  /** Set at the first use. */
  loaded: RedisDictionaries | undefined;
  /** The server's address, if it is known: clients of the same server share what they have loaded. */
  readonly url: string | undefined;
  readonly wait: number;

  constructor(url: string | undefined, wait: number = DEFAULT_WAIT) {
    requireInteger("dictionaryWait", wait, 0, 60_000);
    this.url = url;
    this.wait = wait;
  }

  get(id: number, header?: FrameHeader): Dictionary | undefined {
    return this.loaded?.get(id, header);
  }

  choose(key: string): Dictionary | undefined {
    return this.loaded?.choose(key);
  }

  whyMissing(id: number): ZstashError | undefined {
    return this.loaded?.whyMissing(id);
  }
}

/** Reads the option `dictionaries` if it is "auto"; undefined for any other value, which has no `wait`. */
export function readAuto(
  option: unknown,
  url: string | undefined,
  wait: number | undefined,
): AutoDictionaries | undefined {
  if (option === "auto") return new AutoDictionaries(url, wait);
  if (wait !== undefined) throw new TypeError('"dictionaryWait" needs "dictionaries": "auto"');
  return undefined;
}
