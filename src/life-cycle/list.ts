/** Lists dictionaries with what the manifest says about them, and shows the text in one. */
import { idsOf, type Manifest } from "../dictionaries/manifest.ts";
import { dictionaryKey, fromStoredText, DICTIONARY_TEXT_MAX } from "../dictionaries/stored.ts";
import type { RestClient } from "../rest/client.ts";
import { utf8Lossy } from "../text.ts";
import { storedIds } from "./collect.ts";
import { readManifest, run, runOne } from "./redis.ts";
import { names } from "./steps.ts";

/** What is known about a dictionary. */
export interface DictionaryFacts {
  /** The id by which values name it. */
  readonly id: number;
  /** Its size in Redis, in bytes; undefined if it is missing, and values that name it cannot be read. */
  readonly storedSize: number | undefined;
  /** Its role for each pattern that names it; empty if no pattern does. */
  readonly uses: readonly DictionaryUse[];
}

/** The role of a dictionary for the keys of a pattern. */
export interface DictionaryUse {
  /** The pattern, as the manifest has it. */
  readonly pattern: string;
  /**
   * "current": these keys are written with it, but for a canary's share; "canary": a share of them is; "retired": none
   * is any more.
   */
  readonly role: "current" | "canary" | "retired";
  /** The share of the keys that are written with it, 0…1. */
  readonly share: number;
}

/** A dictionary and its contents. */
export interface ShownDictionary extends DictionaryFacts {
  /** The file in zstd's format, for `readDictionary` and for `zstd -D`. */
  readonly bytes: Uint8Array;
  /** The text in it: pieces of the values that it was trained on, word for word. */
  readonly text: string;
}

/** Lists all dictionaries, by id. */
export async function listDictionaries(
  client: RestClient,
  signal: AbortSignal | undefined,
): Promise<DictionaryFacts[]> {
  const { manifest } = await readManifest(client, signal);
  const ids = [...new Set([...idsOf(manifest), ...(await storedIds(client, signal))])].sort((a, b) => a - b);
  if (ids.length === 0) return [];
  const sizes = await run(
    client,
    ids.map((id) => ["STRLEN", dictionaryKey(id)]),
    signal,
  );
  return ids.map((id, index) => {
    const size = sizes[index];
    return {
      id,
      storedSize: typeof size === "number" && size > 0 ? size : undefined,
      uses: usesIn(manifest, id),
    };
  });
}

/** Reads one dictionary with its bytes; null if there is none. */
export async function showDictionary(
  client: RestClient,
  id: number,
  signal: AbortSignal | undefined,
): Promise<ShownDictionary | null> {
  const stored = await runOne(client, ["GETRANGE", dictionaryKey(id), 0, DICTIONARY_TEXT_MAX], signal);
  if (typeof stored !== "string" || stored === "") return null;
  const { bytes } = fromStoredText(stored, id);
  const { manifest } = await readManifest(client, signal);
  // The tables before the text are not text.
  const text = utf8Lossy(bytes.subarray(HEADER)).replace(UNREADABLE, "\n");
  return { id, storedSize: stored.length, uses: usesIn(manifest, id), bytes, text };
}

/** The size of the magic number and the id. */
const HEADER = 8;
/** Characters that text does not contain. */
const UNREADABLE = /[^\P{C}\t\n\r]+|\ufffd+/gu;

function usesIn({ patterns }: Manifest, id: number): DictionaryUse[] {
  return patterns
    .filter((rule) => names(rule, id))
    .map(({ pattern, current, canary }) => {
      const canaryShare = canary?.share ?? 0;
      if (current === id) return { pattern, role: "current", share: 1 - canaryShare } as const;
      if (canary?.id === id) return { pattern, role: "canary", share: canaryShare } as const;
      return { pattern, role: "retired", share: 0 } as const;
    });
}
