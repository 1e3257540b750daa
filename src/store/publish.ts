/** Turns a complete temporary key into the value of its key, exactly once, even if the reply is lost. */
import { ZstashError } from "../errors.ts";
import type { RestClient } from "../rest/client.ts";
import type { RestCommand } from "../rest/rest-command.ts";
import { cannotStore, commandError, requireNumber } from "./reply.ts";
import { isVersion, TAIL_SIZE, type SliceReader } from "./slice.ts";
import { TEMPORARY_TTL } from "./temporary-key.ts";

/** A complete value under its temporary key, and how it is published. */
export interface Publication {
  readonly key: string;
  readonly temporary: string;
  /** Bytes of the value as it is stored. */
  readonly size: number;
  /** The last bytes of the value, at most `TAIL_SIZE`. */
  readonly tail: Uint8Array;
  /** Milliseconds to live; undefined if it does not expire. */
  readonly ttl: number | undefined;
  readonly ifAbsent: boolean;
  readonly signal: AbortSignal | undefined;
}

/** How often the transaction is sent at most; before each repeat it must be known not to have run. */
const ATTEMPTS = 3;

/**
 * Extends the life of a temporary key. Returns false if it is gone or has no expiry any more: then it has lost bytes.
 */
export async function renew(
  client: RestClient,
  temporary: string,
  key: string,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const reply = await client.command(["PEXPIRE", temporary, TEMPORARY_TTL, "XX"], { signal });
  return requireNumber(reply, "store", key) === 1;
}

/** The error for a temporary key that no longer exists. */
export function keyGone(key: string): ZstashError {
  return cannotStore(key, "its temporary key was evicted or removed before it was complete");
}

/**
 * Gives a value its key and its expiry. The expiry is set first, because RENAME keeps it; set after a failed RENAME
 * it would apply to the old value. Returns false if `ifAbsent` found a value.
 *
 * @throws {ZstashError} REDIS, also if it is unknown whether the value was published
 */
export async function publish(
  client: RestClient,
  slices: SliceReader,
  publication: Publication,
): Promise<boolean> {
  const { key, temporary, signal } = publication;
  if (!(await renew(client, temporary, key, signal))) throw keyGone(key);
  for (let attempt = 1; ; attempt++) {
    try {
      return await rename(client, publication);
    } catch (error) {
      const lost = error instanceof ZstashError && error.effect === "unknown";
      if (!lost || signal?.aborted === true) throw error;
      // The reply was lost: the values of both keys tell whether the transaction has run.
      const published = await wasPublished(slices, publication).catch(() => undefined);
      if (published === true) return true;
      if (published === undefined || attempt === ATTEMPTS) throw error;
    }
  }
}

async function rename(
  client: RestClient,
  { key, temporary, ttl, ifAbsent, signal }: Publication,
): Promise<boolean> {
  const expiry: RestCommand = ttl === undefined ? ["PERSIST", temporary] : ["PEXPIRE", temporary, ttl];
  const commands: RestCommand[] = ifAbsent
    ? [expiry, ["RENAMENX", temporary, key], ["PEXPIRE", temporary, TEMPORARY_TTL]]
    : [expiry, ["RENAME", temporary, key]];
  const replies = await client.batch("multi-exec", commands, { signal });
  const failed = replies.find((reply) => reply.kind === "error");
  if (failed?.kind === "error") throw commandError(failed.text, "store", key);
  const renamed = replies[1]!;
  return !ifAbsent || (renamed.kind === "integer" && renamed.value === 1);
}

/**
 * Returns true if the value was published; false if the temporary key is still complete; undefined if neither exists.
 */
async function wasPublished(
  slices: SliceReader,
  { key, temporary, size, tail, signal }: Publication,
): Promise<boolean | undefined> {
  const isOurs = async (name: string): Promise<boolean> => {
    const slice = await slices.read(name, [[-TAIL_SIZE, -1]], signal);
    return slice !== null && isVersion(slice.size, slice.parts[0]!, { size, bytes: tail });
  };
  if (await isOurs(temporary)) return false;
  return (await isOurs(key)) ? true : undefined;
}
