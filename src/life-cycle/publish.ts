/** Publishes a dictionary: stores it where it cannot be changed, and names it in the manifest. */
import { dictionaryKey, toStoredText, withContentId } from "../dictionaries/stored.ts";
import type { Manifest } from "../dictionaries/manifest.ts";
import { ZstashError } from "../errors.ts";
import type { RestClient } from "../rest/client.ts";
import { cleanServerText, serverErrorCode } from "../rest/server-error.ts";
import { wallClock } from "../timers.ts";
import { changeManifest, readManifest, run, runOne } from "./redis.ts";
import { withCanary } from "./steps.ts";

/** The result of a publication. */
export interface PublishResult {
  /** The id that values will name. */
  readonly id: number;
  /** Bytes of the dictionary. */
  readonly size: number;
  /** Redis' `maxmemory-policy`; undefined if Redis does not tell. */
  readonly evictionPolicy: string | undefined;
  /** The manifest after the step, which names the dictionary. */
  readonly manifest: Manifest;
}

/** Checked options with their defaults. */
export interface PublishSettings {
  readonly pattern: string;
  readonly share: number;
  readonly force: boolean;
}

/** Stores a dictionary and names it for a share of a pattern's keys. */
export async function publish(
  client: RestClient,
  bytes: Uint8Array,
  { pattern, share, force }: PublishSettings,
  signal: AbortSignal | undefined,
): Promise<PublishResult> {
  const dictionary = withContentId(bytes);
  const { id } = dictionary;
  const evictionPolicy = await readEvictionPolicy(client, signal);
  if (evictionPolicy?.startsWith("allkeys-") === true && !force) {
    const reason = `its eviction policy is ${evictionPolicy}, which may remove the dictionary while values need it`;
    throw new ZstashError("COMMAND_REFUSED", `Cannot publish the dictionary: ${reason}: set force`);
  }
  const read = await readManifest(client, signal);
  const text = toStoredText(dictionary);
  await store(client, id, text, signal);
  const at = Math.floor(wallClock() / 1000);
  const manifest = await changeManifest(
    client,
    read,
    (old) => withCanary(old, pattern, id, share, at),
    signal,
  );
  // Until the manifest named it, `collect` may have removed it as one that nobody needs.
  await store(client, id, text, signal);
  return { id, size: dictionary.bytes.length, evictionPolicy, manifest };
}

/** Stores a dictionary if it is not there, and checks what is there. */
async function store(
  client: RestClient,
  id: number,
  text: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const key = dictionaryKey(id);
  // SET with NX has the same result however often it runs.
  const reply = await client.command(["SET", key, text, "NX"], { signal, repeatable: true });
  if (reply.kind === "error") {
    const reason = cleanServerText(reply.text);
    throw new ZstashError(serverErrorCode(reply.text), `Cannot publish the dictionary: ${reason}`, { key });
  }
  const there = await runOne(client, ["GETRANGE", key, 0, text.length], signal);
  if (there === text) return;
  const message = `Cannot publish the dictionary: ${key} holds something else; who put it there has to remove it`;
  throw new ZstashError("VALUE_CHANGED", message, { key, dictionaryId: id });
}

/** Reads the eviction policy by INFO, which needs fewer rights than CONFIG; undefined if it is not available. */
async function readEvictionPolicy(
  client: RestClient,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const [info] = await run(client, [["INFO", "memory"]], signal);
  return typeof info === "string" ? /^maxmemory_policy:([\w-]+)/m.exec(info)?.[1] : undefined;
}
