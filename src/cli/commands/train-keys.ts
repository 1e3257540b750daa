/**
 * The samples of `zstash train` from a Redis in use: a random part of the keys of a pattern, or named keys. It only
 * reads, at the rate that it is given, and decodes stored values in either carrier.
 */
import { loadZstd } from "../../codec/zstd.ts";
import { DictionaryCache } from "../../dictionaries/cache.ts";
import { fetchDictionaries, type SendCommands } from "../../dictionaries/fetch.ts";
import { DICTIONARY_PREFIX, hashOf, MANIFEST_KEY } from "../../dictionaries/stored.ts";
import { ZstashError } from "../../errors.ts";
import { run, runOne, type Plain } from "../../life-cycle/redis.ts";
import { RestClient } from "../../rest/client.ts";
import { readRestOptions } from "../../rest/rest-options.ts";
import type { RestCommand } from "../../rest/rest-command.ts";
import { cleanServerText } from "../../rest/server-error.ts";
import { isTemporaryKey } from "../../store/temporary-key.ts";
import { utf8Encoder } from "../../text.ts";
import { delay, now } from "../../timers.ts";
import { SAMPLE_SIZE_MAX } from "../../train/samples.ts";
import { dictionaryIdOf, staysAsItIs } from "../../value/decode.ts";
import { asStored, decodeValue } from "../../value/value.ts";
import { mixed, RandomSample, type SampleBounds } from "../random-sample.ts";
import type { ShowProgress } from "../progress-bar.ts";
import type { ServerAddress } from "../server.ts";
import { bytes, count } from "../text.ts";

/** The keys that samples come from: those of a pattern, or named ones. */
export type KeySource = { readonly pattern: string } | { readonly names: AsyncIterable<string> };

/** How Redis is read. */
export interface KeySettings extends SampleBounds {
  /** The most commands a second; a SCAN counts as one for each hundred keys that it looks at. */
  readonly rate: number;
  /** The most keys that the scan looks at; Infinity for all. */
  readonly scan: number;
}

/** Values that were left out, counted by reason. */
export interface LeftOut {
  /** Larger than 128 KiB, stored or decoded: a dictionary does not help them. */
  large: number;
  /** Of other types than strings. */
  otherType: number;
  /** Deleted or expired since, or empty. */
  gone: number;
  /** The token may not read them. */
  refused: number;
  /** Damaged, or their dictionary is gone. */
  undecodable: number;
  /** The sample was large enough without them. */
  unneeded: number;
}

/** The samples, and what became of the keys. */
export interface KeySamples {
  readonly samples: readonly Uint8Array[];
  /** Keys of the pattern, or names. */
  readonly offered: number;
  readonly chosen: number;
  readonly left: Readonly<LeftOut>;
}

/** The most keys that one SCAN looks at, and values that one request asks for. */
const SCAN_COUNT = 1000;
const BATCH = 100;
/** The most bytes of values that one request asks for. */
const REPLY_SIZE: number = 1 << 20;

/** Reads the samples, in an order that depends neither on the scan nor on time. */
export async function readKeySamples(
  server: ServerAddress,
  source: KeySource,
  settings: KeySettings,
  show: ShowProgress,
): Promise<KeySamples> {
  const client = new RestClient(readRestOptions({ ...server }));
  const reader = new KeyReader(client, settings, show);
  const sample = "pattern" in source ? await reader.scan(source.pattern) : await reader.choose(source.names);
  // A scan may give a key twice.
  const keys = [...new Set(sample.items())];
  const samples = await reader.readValues(keys);
  return { samples, offered: sample.offered, chosen: keys.length, left: reader.left };
}

class KeyReader {
  readonly left: LeftOut = { large: 0, otherType: 0, gone: 0, refused: 0, undecodable: 0, unneeded: 0 };
  readonly #client: RestClient;
  readonly #settings: KeySettings;
  readonly #show: ShowProgress;
  readonly #pace: Pace;
  readonly #cache = new DictionaryCache();
  #scansByType = true;
  /** The last refusal, to report if nothing at all may be read. */
  #refusal: ZstashError | undefined;

  constructor(client: RestClient, settings: KeySettings, show: ShowProgress) {
    this.#client = client;
    this.#settings = settings;
    this.#show = show;
    this.#pace = new Pace(settings.rate);
  }

  /** Chooses among all keys of a pattern. */
  async scan(pattern: string): Promise<RandomSample<string>> {
    const { rate, scan } = this.#settings;
    const chosen = this.#newSample();
    const total = await this.#countKeys();
    const perScan = Math.min(SCAN_COUNT, Math.max(10, rate * 10));
    let [cursor, looked] = ["0", 0];
    do {
      await this.#pace.take(perScan / 100);
      const reply = await this.#scanOnce(["SCAN", cursor, "MATCH", pattern, "COUNT", perScan]);
      const [next, keys] = (Array.isArray(reply) ? reply : []) as readonly Plain[];
      if (typeof next !== "string" || !Array.isArray(keys))
        throw new ZstashError("REDIS", "Cannot scan: the reply is of another kind");
      cursor = next;
      looked += perScan;
      for (const key of keys as string[]) offer(chosen, key);
      const most = Math.min(total ?? Infinity, scan);
      const of = Number.isFinite(most) ? ` of about ${count(most, "key")}` : " keys";
      this.#show(`${Math.min(looked, most)}${of}, ${chosen.offered} match`, looked, most);
    } while (cursor !== "0" && looked < scan);
    return chosen;
  }

  /** Strings alone, where Redis knows the option: it does since 6.0. */
  async #scanOnce(command: RestCommand): Promise<Plain> {
    if (this.#scansByType) {
      try {
        return await runOne(this.#client, [...command, "TYPE", "string"], undefined);
      } catch (error) {
        if (!(error instanceof ZstashError) || !/syntax/i.test(error.message)) throw error;
        this.#scansByType = false;
      }
    }
    return runOne(this.#client, command, undefined);
  }

  /** Chooses among names. */
  async choose(names: AsyncIterable<string>): Promise<RandomSample<string>> {
    const chosen = this.#newSample();
    for await (const name of names) if (name !== "") offer(chosen, name);
    return chosen;
  }

  /** Reads and decodes the values of keys, up to the size of the sample. */
  async readValues(keys: readonly string[]): Promise<Uint8Array[]> {
    const { rate, size: most } = this.#settings;
    const batch = Math.min(BATCH, Math.max(1, Math.floor(rate / 10)));
    const samples: Uint8Array[] = [];
    let size = 0;
    for (let at = 0; at < keys.length; at += batch) {
      if (size >= most) {
        this.left.unneeded = keys.length - at;
        break;
      }
      this.#show(`${at} of ${count(keys.length, "value")} read, ${bytes(size)}`, at, keys.length);
      for (const part of await this.#divide(keys.slice(at, at + batch))) {
        for (const value of await this.#decode(await this.#read(part))) {
          samples.push(value);
          size += value.length;
        }
      }
    }
    if (samples.length === 0 && this.#refusal !== undefined) throw this.#refusal;
    return samples;
  }

  #newSample(): RandomSample<string> {
    return new RandomSample<string>({ count: this.#settings.count, size: Infinity });
  }

  /** The number of all keys; undefined where the token may not know. */
  async #countKeys(): Promise<number | undefined> {
    await this.#pace.take(1);
    const [reply] = await run(this.#client, [["DBSIZE"]], undefined);
    return typeof reply === "number" ? reply : undefined;
  }

  /** Divides the keys whose values are to be read into parts of at most 1 MiB. */
  async #divide(keys: readonly string[]): Promise<string[][]> {
    await this.#pace.take(keys.length);
    const sizes = await run(
      this.#client,
      keys.map((key) => ["STRLEN", key]),
      undefined,
    );
    const parts: string[][] = [];
    let room = 0;
    for (const [index, key] of keys.entries()) {
      const size = sizes[index];
      if (typeof size !== "number") this.#refuse(size);
      else if (size === 0) this.left.gone += 1;
      else if (size > SAMPLE_SIZE_MAX) this.left.large += 1;
      else {
        if (room < size) {
          parts.push([]);
          room = REPLY_SIZE;
        }
        parts.at(-1)!.push(key);
        room -= size;
      }
    }
    return parts;
  }

  async #read(keys: readonly string[]): Promise<Uint8Array[]> {
    await this.#pace.take(keys.length);
    // Asks for one byte more than is taken: it shows which values have grown since.
    const commands = keys.map((key): RestCommand => ["GETRANGE", key, 0, SAMPLE_SIZE_MAX]);
    const values: Uint8Array[] = [];
    for (const reply of await this.#client.batch("pipeline", commands)) {
      const value = reply.kind === "bulk" ? reply.bytes : undefined;
      if (value === undefined) this.#refuse(reply.kind === "error" ? refusalOf(reply.text) : null);
      else if (value === null || value.length === 0) this.left.gone += 1;
      else if (value.length > SAMPLE_SIZE_MAX) this.left.large += 1;
      else values.push(value);
    }
    return values;
  }

  #refuse(reply: Plain | undefined): void {
    if (!(reply instanceof ZstashError) || reply.message.includes("WRONGTYPE")) {
      this.left.otherType += 1;
      return;
    }
    this.left.refused += 1;
    this.#refusal = reply;
  }

  /** Decodes values. Their dictionaries are fetched. */
  async #decode(values: readonly Uint8Array[]): Promise<Uint8Array[]> {
    const zstd = await loadZstd();
    const stored = values.map(asStored);
    const ids = new Set(stored.map(dictionaryIdOf).filter((id) => id !== 0));
    const send: SendCommands = async (commands) => {
      await this.#pace.take(commands.length);
      const replies = await run(this.#client, commands, undefined);
      return replies.map((reply) => (reply instanceof ZstashError ? undefined : reply));
    };
    const fetched = await fetchDictionaries(this.#cache, ids, send);
    return stored.flatMap((value) => {
      const dictionary = fetched.get(dictionaryIdOf(value));
      const dictionaries = dictionary === undefined ? [] : [dictionary];
      try {
        return [decodeValue(zstd, value, { as: "bytes", maxSize: SAMPLE_SIZE_MAX, dictionaries })];
      } catch (error) {
        if (!(error instanceof ZstashError) || !staysAsItIs(error)) throw error;
        if (error.code === "SIZE_LIMIT") this.left.large += 1;
        else this.left.undecodable += 1;
        return [];
      }
    });
  }
}

function refusalOf(text: string): ZstashError {
  return new ZstashError("REDIS", `Cannot read the values: ${cleanServerText(text)}`);
}

/** Returns true for keys that zstash itself writes: they hold no values of the application. */
const isOwn = (key: string): boolean =>
  key === MANIFEST_KEY || key.startsWith(DICTIONARY_PREFIX) || isTemporaryKey(key);

/** Offers a key. Its hash decides: the same keys give the same sample, in any order. */
function offer(sample: RandomSample<string>, key: string): void {
  if (!isOwn(key)) sample.offer(mixed(hashOf(utf8Encoder.encode(key))), 0, () => key);
}

/** Lets at most a given number of commands a second through, evenly. */
class Pace {
  readonly #gap: number;
  #next = 0;

  constructor(perSecond: number) {
    this.#gap = 1000 / perSecond;
  }

  async take(commands: number): Promise<void> {
    const time = now();
    const wait = this.#next - time;
    this.#next = Math.max(this.#next, time) + commands * this.#gap;
    if (wait > 0) await delay(wait);
  }
}
