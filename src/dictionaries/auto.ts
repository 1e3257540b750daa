/** `dictionaries: "auto"`: stands for the dictionaries in Redis, whose code is loaded with their first use. */
import { requireInteger } from "../check.ts";
import type { ZstashError } from "../errors.ts";
import type { Dictionary, DictionaryLookup } from "../format/dictionary.ts";
import type { FrameHeader } from "../format/frame.ts";
import type { RedisDictionaries } from "./in-redis.ts";

/** Milliseconds that a write waits for the manifest and its dictionary, unless the client says otherwise. */
const DEFAULT_WAIT = 50;

/** The dictionaries in Redis, as a client has them before it knows whether it needs them. */
export class AutoDictionaries implements DictionaryLookup {
  /** A policy may name what is not here yet. */
  readonly complete = false;
  /** Set with their first use. */
  loaded: RedisDictionaries | undefined;
  /** The address of the server, if it is known: its clients share what they know. */
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

/** Reads the option `dictionaries` as far as it is "auto"; undefined for any other, with which there is no wait. */
export function readAuto(
  option: unknown,
  url: string | undefined,
  wait: number | undefined,
): AutoDictionaries | undefined {
  if (option === "auto") return new AutoDictionaries(url, wait);
  if (wait !== undefined) throw new TypeError('"dictionaryWait" needs "dictionaries": "auto"');
  return undefined;
}
