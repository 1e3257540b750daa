/** Removes dictionaries that nobody needs: their references are counted first, and the manifest forgets them before. */
import { DICTIONARY_PREFIX, dictionaryKey, ID_MAX, ID_MIN } from "../dictionaries/stored.ts";
import { idsOf } from "../dictionaries/manifest.ts";
import type { RestClient } from "../rest/client.ts";
import { changeManifest, readManifest, runOne } from "./redis.ts";
import { countReferences, scanKeys } from "./references.ts";
import { usesOf, withoutRetired } from "./steps.ts";

/** The result of a collection. */
export interface CollectResult {
  /** The ids that were removed; with `dryRun` those that would be. */
  readonly removed: readonly number[];
  /** The ids that stay although nobody writes with them, and the number of values that need each: 0 for those that are retired too short. */
  readonly kept: readonly { readonly id: number; readonly references: number }[];
  /** Uploads that are not complete. While there are any, nothing is removed: what they need is not to be seen. */
  readonly unfinishedUploads: number;
}

/** Options that are checked and complete. */
export interface CollectSettings {
  /** Seconds since 1970 before which a dictionary must have been retired. */
  readonly retiredBefore: number;
  readonly dryRun: boolean;
  readonly onScan: (scannedKeys: number) => void;
}

/** Removes what is retired, or not named, and not needed. */
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
    // Once the manifest does not name them, nobody puts them back; and the change shows that nobody has named them since.
    await changeManifest(client, read, (manifest) => withoutRetired(manifest, new Set(removed)), signal);
    await runOne(client, ["DEL", ...removed.map(dictionaryKey)], signal);
  }
  return { removed, kept, unfinishedUploads: unfinished };
}

/** The ids of the dictionaries that lie in Redis. */
export async function storedIds(client: RestClient, signal: AbortSignal | undefined): Promise<number[]> {
  const ids = new Set<number>();
  for await (const keys of scanKeys(client, signal, `${DICTIONARY_PREFIX}*`)) {
    for (const key of keys) {
      const id = Number(key.slice(DICTIONARY_PREFIX.length));
      // Keys of others may begin so.
      if (Number.isInteger(id) && id >= ID_MIN && id <= ID_MAX && dictionaryKey(id) === key) ids.add(id);
    }
  }
  return [...ids];
}
