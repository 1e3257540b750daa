import { ZstashError } from "../errors.ts";
import type { RestClient } from "../rest/client.ts";
import type { RestCommand } from "../rest/rest-command.ts";
import { commandError, requireNumber } from "./reply.ts";
import type { SliceReader } from "./slice.ts";
import { TEMPORARY_TTL } from "./temporary-key.ts";

/** A complete value under its temporary key, and how it becomes the value of its own. */
export interface Publication {
  readonly key: string;
  readonly temporary: string;
  /** Bytes of the value as it is stored, and its last ones. */
  readonly size: number;
  readonly tail: Uint8Array;
  /** Milliseconds to live; undefined for no end. */
  readonly ttl: number | undefined;
  readonly ifAbsent: boolean;
  readonly signal: AbortSignal | undefined;
}

/** Bytes at the end of a value by which it is recognised: they hold the checksum of its last frame. */
export const TAIL_SIZE = 24;

/** How often a transaction is sent again that is known not to have run. */
const ATTEMPTS = 3;

/** Prolongs a temporary key. One that is gone, or has come back without an end, has lost bytes. */
export async function renew(
  client: RestClient,
  temporary: string,
  key: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const reply = await client.command(["PEXPIRE", temporary, TEMPORARY_TTL, "XX"], { signal });
  if (requireNumber(reply, "store", key) === 1) return;
  throw new ZstashError(
    "REDIS",
    `Cannot store ${JSON.stringify(key)}: its temporary key was evicted or removed before it was complete`,
    { key },
  );
}

/**
 * Gives a value its key, its end of life with it: the expiry first, because RENAME carries the source's, and one that
 * followed a RENAME that failed would hit the value that was there before. False where `ifAbsent` found one.
 *
 * @throws {ZstashError} REDIS, also where nobody can tell whether the value was published
 */
export async function publish(
  client: RestClient,
  slices: SliceReader,
  publication: Publication,
): Promise<boolean> {
  const { key, temporary, signal } = publication;
  await renew(client, temporary, key, signal);
  for (let attempt = 1; ; attempt++) {
    try {
      return await rename(client, publication);
    } catch (error) {
      if (!(error instanceof ZstashError) || error.key !== undefined || signal?.aborted === true) throw error;
      // The reply was lost on its way: what lies there tells whether it has run.
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

/** True: it was. False: it was not, and the temporary key is still whole. Undefined: there is neither. */
async function wasPublished(
  slices: SliceReader,
  { key, temporary, size, tail, signal }: Publication,
): Promise<boolean | undefined> {
  const isOurs = async (name: string): Promise<boolean> => {
    const slice = await slices.read(name, [[-TAIL_SIZE, -1]], signal);
    const last = slice?.parts[0];
    return (
      slice?.size === size && last?.length === tail.length && last.every((byte, at) => byte === tail[at])
    );
  };
  if (await isOurs(temporary)) return false;
  return (await isOurs(key)) ? true : undefined;
}
