/** Turns a complete temporary key into the value of its key, once, even if the reply is lost. */
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
  /** Its last bytes, at most `TAIL_SIZE` of them. */
  readonly tail: Uint8Array;
  /** Milliseconds to live; undefined if it does not expire. */
  readonly ttl: number | undefined;
  readonly ifAbsent: boolean;
  readonly signal: AbortSignal | undefined;
}

/** The most times that the transaction is sent; each time it must be known not to have run before. */
const ATTEMPTS = 3;

/** Prolongs a temporary key. False for a key that is gone, or has come back without an expiry: it has lost bytes. */
export async function renew(
  client: RestClient,
  temporary: string,
  key: string,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const reply = await client.command(["PEXPIRE", temporary, TEMPORARY_TTL, "XX"], { signal });
  return requireNumber(reply, "store", key) === 1;
}

/** The error for a temporary key that is gone. */
export function keyGone(key: string): ZstashError {
  return cannotStore(key, "its temporary key was evicted or removed before it was complete");
}

/**
 * Gives a value its key and its expiry. The expiry is set first: RENAME takes it along, and set after a RENAME that failed
 * it would hit the value that was there before. False if `ifAbsent` found a value.
 *
 * @throws {ZstashError} REDIS, also if nobody can tell whether the value was published
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
      // The reply was lost: what lies under both keys tells whether the transaction has run.
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

/** True if the value was published; false if the temporary key is still whole; undefined if neither is there. */
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
