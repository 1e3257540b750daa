/** Redis as the life cycle uses it: commands with plain results, and the manifest's compare-and-set. */
import { emptyManifest, parseManifest, writeManifest, type Manifest } from "../dictionaries/manifest.ts";
import { MANIFEST_KEY } from "../dictionaries/stored.ts";
import { ZstashError } from "../errors.ts";
import type { RestClient } from "../rest/client.ts";
import type { RespValue } from "../rest/resp.ts";
import type { RestCommand } from "../rest/rest-command.ts";
import { cleanServerText, serverErrorCode } from "../rest/server-error.ts";
import { utf8Lossy } from "../text.ts";

/** The result of a command: texts, numbers, null and lists of them; an error if Redis refused it. */
export type Plain = string | number | null | ZstashError | readonly Plain[];

/** Runs commands in one request, one after another. Errors of Redis are among the results. */
export async function run(
  client: RestClient,
  commands: readonly RestCommand[],
  signal: AbortSignal | undefined,
): Promise<Plain[]> {
  return (await client.batch("pipeline", commands, { signal })).map(plain);
}

/**
 * Runs one command.
 *
 * @throws {ZstashError} if Redis refuses it
 */
export async function runOne(
  client: RestClient,
  command: RestCommand,
  signal: AbortSignal | undefined,
): Promise<Exclude<Plain, ZstashError>> {
  const result = plain(await client.command(command, { signal }));
  if (result instanceof ZstashError) throw result;
  return result;
}

function plain(reply: RespValue): Plain {
  switch (reply.kind) {
    case "error":
      return new ZstashError(
        serverErrorCode(reply.text),
        `Cannot run the command: ${cleanServerText(reply.text)}`,
      );
    case "status":
      return reply.text;
    case "integer":
      return Number(reply.value);
    case "bulk":
      return reply.bytes === null ? null : utf8Lossy(reply.bytes);
    case "array":
      return reply.items === null ? null : reply.items.map(plain);
  }
}

/** The manifest as Redis holds it, and its text, "" if there is none. */
export interface ReadManifest {
  readonly manifest: Manifest;
  readonly text: string;
}

/**
 * Reads the manifest.
 *
 * @throws {ZstashError} CORRUPT if it is damaged
 */
export async function readManifest(
  client: RestClient,
  signal: AbortSignal | undefined,
): Promise<ReadManifest> {
  const text = (await runOne(client, ["GET", MANIFEST_KEY], signal)) ?? "";
  if (typeof text !== "string")
    throw new ZstashError("REDIS", "Cannot read the manifest: the reply is of another kind");
  return { manifest: text === "" ? emptyManifest : parseManifest(text), text };
}

/** Writes a manifest if the old one is still there, whatever the spelling of its JSON: returns "1" if it was. */
const COMPARE_AND_SET =
  "if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end redis.call('SET', KEYS[1], ARGV[2]) return 1";

/**
 * Changes the manifest in one compare-and-set, and returns the new one.
 *
 * @throws {ZstashError} VALUE_CHANGED if another client has changed it meanwhile: then nothing was done
 */
export async function changeManifest(
  client: RestClient,
  { manifest, text: old }: ReadManifest,
  change: (manifest: Manifest) => Manifest,
  signal: AbortSignal | undefined,
): Promise<Manifest> {
  const changed = { ...change(manifest), version: manifest.version + 1 };
  const text = writeManifest(changed);
  let isSet: boolean;
  try {
    isSet = await compareAndSet(client, old, text, signal);
  } catch (error) {
    // Perhaps only the reply was lost, and not the command.
    if (!(error instanceof ZstashError) || error.effect !== "unknown") throw error;
    const now = await readManifest(client, signal).catch(() => undefined);
    if (now?.text !== text) throw error;
    isSet = true;
  }
  if (isSet) return changed;
  const message = `Cannot change the manifest: another has changed version ${manifest.version} meanwhile: look at it, and try again`;
  throw new ZstashError("VALUE_CHANGED", message, { key: MANIFEST_KEY });
}

async function compareAndSet(
  client: RestClient,
  old: string,
  text: string,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const command = ["EVAL", COMPARE_AND_SET, 1, MANIFEST_KEY, old, text];
  const [result] = await run(client, [command], signal);
  if (!(result instanceof ZstashError)) return result === 1;
  // Scripts are not available: NX and IFEQ (Redis 8.4) do the same.
  const option = old === "" ? ["NX"] : ["IFEQ", old];
  return (await runOne(client, ["SET", MANIFEST_KEY, text, ...option], signal)) === "OK";
}
