import type { RestClient } from "../rest/client.ts";
import type { RespValue } from "../rest/resp.ts";
import type { RestCommand } from "../rest/rest-command.ts";
import { commandError, requireBulk, requireItems, requireNumber } from "./reply.ts";

/** Bytes of a stored string, first and last as GETRANGE takes them: inclusive, negative from the end. */
export type ByteRange = readonly [first: number, last: number];

/** Parts of one string, all read in the same instant. */
export interface Slice {
  /** Bytes of the whole string. */
  readonly size: number;
  /** Milliseconds to live; −1 for no end. */
  readonly ttl: number;
  /** What the ranges hold, in their order. */
  readonly parts: readonly Uint8Array[];
}

const WHAT = "read";
/** EVAL_RO: nothing is written, and nothing comes between its reads. */
const SCRIPT =
  "local r={redis.call('PTTL',KEYS[1]),redis.call('STRLEN',KEYS[1])} " +
  "for i=1,#ARGV,2 do r[#r+1]=redis.call('GETRANGE',KEYS[1],ARGV[i],ARGV[i+1]) end return r";
const MISSING = -2;

/** Reads parts of a string together with its length, so that a string that is replaced in between is noticed. */
export class SliceReader {
  readonly #client: RestClient;
  /** Whether the server runs scripts; undefined until it is known. */
  #scripts: boolean | undefined;

  constructor(client: RestClient) {
    this.#client = client;
  }

  /**
   * The parts, or null where there is no such key.
   *
   * @throws {ZstashError} REDIS with the key, where it holds another type
   */
  async read(
    key: string,
    ranges: readonly ByteRange[],
    signal: AbortSignal | undefined,
  ): Promise<Slice | null> {
    if (this.#scripts !== false) {
      const command: RestCommand = ["EVAL_RO", SCRIPT, 1, key, ...ranges.flat()];
      const reply = await this.#client.command(command, { signal });
      if (reply.kind !== "error") {
        this.#scripts = true;
        return toSlice(requireItems(reply, WHAT, key), key);
      }
      if (this.#scripts === true || reply.text.includes("WRONGTYPE"))
        throw commandError(reply.text, WHAT, key);
    }
    const slice = await this.#transaction(key, ranges, signal);
    this.#scripts = false;
    return slice;
  }

  /** Where scripts are refused. Its replies are base64, a third larger. */
  async #transaction(
    key: string,
    ranges: readonly ByteRange[],
    signal: AbortSignal | undefined,
  ): Promise<Slice | null> {
    const commands: RestCommand[] = [
      ["PTTL", key],
      ["STRLEN", key],
      ...ranges.map(([first, last]): RestCommand => ["GETRANGE", key, first, last]),
    ];
    return toSlice(await this.#client.batch("multi-exec", commands, { signal }), key);
  }
}

function toSlice([ttl, size, ...parts]: readonly RespValue[], key: string): Slice | null {
  const lifetime = requireNumber(ttl!, WHAT, key);
  if (lifetime === MISSING) return null;
  return {
    ttl: lifetime,
    size: requireNumber(size!, WHAT, key),
    parts: parts.map((part) => requireBulk(part, WHAT, key) ?? new Uint8Array(0)),
  };
}
