/**
 * Removes dictionaries that nobody needs. References are counted first, and the manifest forgets the dictionaries
 * before they are removed.
 */
import { DICTIONARY_PREFIX, dictionaryKey, ID_MAX, ID_MIN } from "../dictionaries/stored.ts";
import { idsOf } from "../dictionaries/manifest.ts";
import type { RestClient } from "../rest/client.ts";
import { changeManifest, readManifest, runOne } from "./redis.ts";
import { countReferences, scanKeys } from "./references.ts";
import { usesOf, withoutRetired } from "./steps.ts";

/** The result of a collection. */
export interface CollectResult {
  /** The removed ids; with `dryRun` the ids that would be removed. */
  readonly removed: readonly number[];
  /**
   * The dictionaries that stay although nobody writes with them: each `id` with its `references`, the number of values
   * that need it. 0 means that it was retired too recently.
   */
  readonly kept: readonly { readonly id: number; readonly references: number }[];
  /**
   * Incomplete uploads. While there are any, nothing is removed, because it is unknown which dictionaries they need.
   */
  readonly unfinishedUploads: number;
}

/** Checked options with their defaults. */
export interface CollectSettings {
  /** Only dictionaries that were retired before this time are removed, in seconds since 1970. */
  readonly retiredBefore: number;
  readonly dryRun: boolean;
  readonly onScan: (scannedKeys: number) => void;
}

/** Removes dictionaries that are retired, or not named in the manifest, and that no value needs. */
export async function collect(
  client: RestClient,
  { retiredBefore, dryRun, onScan }: CollectSettings,
  signal: AbortSignal | undefined,
): Promise<CollectResult> {
  const read = await readManifest(client, signal);
  const { retired } = usesOf(read.manifest);
  const named = idsOf(read.manifest);
  const unlisted = (await storedIds(client, signal)).filter((id) => !named.has(id));
  const { byId, unfinished } = await countReferences(client, signal, onScan);
  const isFree = (id: number): boolean => unfinished === 0 && !byId.has(id);
  const old = [...retired].filter(([, at]) => at <= retiredBefore).map(([id]) => id);
  const removed = [...old, ...unlisted].filter(isFree);
  const kept = [...retired.keys(), ...unlisted]
    .filter((id) => !removed.includes(id))
    .map((id) => ({ id, references: byId.get(id) ?? 0 }));
  if (removed.length > 0 && !dryRun) {
    // Once the manifest does not name them, nobody puts them back; and the change proves that nobody has named them
    // since.
    await changeManifest(client, read, (manifest) => withoutRetired(manifest, new Set(removed)), signal);
    await runOne(client, ["DEL", ...removed.map(dictionaryKey)], signal);
  }
  return { removed, kept, unfinishedUploads: unfinished };
}

/** The ids of the dictionaries in Redis. */
export async function storedIds(client: RestClient, signal: AbortSignal | undefined): Promise<number[]> {
  const ids = new Set<number>();
  for await (const keys of scanKeys(client, signal, `${DICTIONARY_PREFIX}*`)) {
    for (const key of keys) {
      const id = Number(key.slice(DICTIONARY_PREFIX.length));
      // Keys of other programs may begin with the same prefix.
      if (Number.isInteger(id) && id >= ID_MIN && id <= ID_MAX && dictionaryKey(id) === key) ids.add(id);
    }
  }
  return [...ids];
}
