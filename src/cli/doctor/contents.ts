/** Counts the values of a sample by carrier, and checks that the dictionaries are there; it only reads. */
import { dictionaryKey, MANIFEST_KEY } from "../../dictionaries/stored.ts";
import { idsOf, MANIFEST_SIZE_MAX, parseManifest } from "../../dictionaries/manifest.ts";
import { FRAME_HEADER_SIZE_MAX, readFrameHeader } from "../../format/frame.ts";
import type { RestClient } from "../../rest/client.ts";
import type { RespValue } from "../../rest/resp.ts";
import type { RestCommand } from "../../rest/rest-command.ts";
import { utf8Lossy } from "../../text.ts";
import { delay } from "../../timers.ts";
import { headOf } from "../../value/carrier.ts";
import { formOf } from "../../value/form.ts";
import { DEFAULT_MIN_SIZE } from "../../value/policy.ts";
import { bytes, count } from "../text.ts";
import type { Row } from "./row.ts";
import { fail, KEY_PREFIX, ok, skip, warn } from "./row.ts";

/** Keys of one SCAN, and milliseconds between two SCANs: at most 2,000 keys a second. */
const SCANNED = 100;
const PAUSE = 50;
/** Bytes of a value that are read: enough for a header, in base64 too. */
const HEAD_SIZE = 48;

/** Values counted by kind. */
export interface Counts {
  keys: number;
  raw: number;
  text: number;
  /** Uncompressed, below 1 KiB. */
  small: number;
  /** Uncompressed, from 1 KiB on. */
  large: number;
  /** Bytes of the large ones. */
  largeSize: number;
  compressedSize: number;
  /** Hashes, lists and others. */
  otherTypes: number;
  /** Values that name a dictionary. */
  withDictionary: number;
}

/** Looks at the values of the first keys that SCAN gives. */
export async function countValues(
  client: RestClient,
  most: number,
  onProgress: (keys: number) => void,
): Promise<{ readonly row: Row; readonly counts: Counts | undefined }> {
  if (most === 0) return { row: skip("values", "not counted (--sample 0)"), counts: undefined };
  const counts: Counts = {
    keys: 0,
    raw: 0,
    text: 0,
    small: 0,
    large: 0,
    largeSize: 0,
    compressedSize: 0,
    otherTypes: 0,
    withDictionary: 0,
  };
  let cursor = "0";
  do {
    const reply = await client.command(["SCAN", cursor, "COUNT", SCANNED]);
    if (reply.kind === "error")
      return { row: skip("values", "not counted: the token may not list keys"), counts: undefined };
    const [next, keys] = reply.kind === "array" ? (reply.items ?? []) : [];
    cursor = textIn(next);
    const names = keys?.kind === "array" ? (keys.items ?? []).map(textIn).filter(isOther) : [];
    await look(client, names.slice(0, most - counts.keys), counts);
    onProgress(counts.keys);
    if (cursor !== "0") await delay(PAUSE);
  } while (cursor !== "0" && counts.keys < most);
  const size = await client.command(["DBSIZE"]);
  const total = size.kind === "integer" ? Number(size.value) : counts.keys;
  return { row: valuesRow(counts, total), counts };
}

/** Returns true unless the key is one of zstash itself: a dictionary, the manifest, or the key of a doctor. */
const isOther = (name: string): boolean => !name.startsWith(KEY_PREFIX) && !/^zstash:dict(s$|:)/.test(name);

async function look(client: RestClient, names: readonly string[], counts: Counts): Promise<void> {
  if (names.length === 0) return;
  const commands = names.flatMap((name): RestCommand[] => [
    ["STRLEN", name],
    ["GETRANGE", name, 0, HEAD_SIZE - 1],
  ]);
  const replies = await client.batch("pipeline", commands);
  counts.keys += names.length;
  for (let index = 0; index < names.length; index++) {
    const [length, head] = [replies[2 * index]!, replies[2 * index + 1]!];
    if (length.kind !== "integer" || head.kind !== "bulk" || head.bytes === null) counts.otherTypes += 1;
    else add(counts, Number(length.value), head.bytes);
  }
}

function add(counts: Counts, size: number, head: Uint8Array): void {
  const form = formOf(head);
  if (form === "plain") {
    if (size < DEFAULT_MIN_SIZE) counts.small += 1;
    else {
      counts.large += 1;
      counts.largeSize += size;
    }
    return;
  }
  counts[form === "text" ? "text" : "raw"] += 1;
  counts.compressedSize += size;
  try {
    const frame = form === "text" ? headOf(utf8Lossy(head)) : head.subarray(0, FRAME_HEADER_SIZE_MAX);
    if (readFrameHeader(frame).dictionaryId !== 0) counts.withDictionary += 1;
  } catch {
    // A damaged header names no dictionary.
  }
}

function valuesRow(counts: Counts, total: number): Row {
  const { keys, raw, text, small, large, largeSize, otherTypes, withDictionary } = counts;
  if (keys === 0) return ok("values", "the database holds no keys");
  const of = total > keys ? ` of ${total}` : "";
  const kinds = [
    `${raw} raw, ${text} text`,
    ...(withDictionary > 0 ? [`${withDictionary} of them with a dictionary`] : []),
    `${large} uncompressed of 1 KiB and more (${bytes(largeSize)})`,
    `${small} smaller`,
    ...(otherTypes > 0 ? [`${otherTypes} of other types`] : []),
  ];
  const found = `${count(keys, "key")}${of}: ${kinds.join(", ")}`;
  return ok("values", found);
}

/** Checks whether the dictionaries that the manifest names exist. */
export async function dictionaries(client: RestClient): Promise<Row> {
  const name = "dictionaries";
  const reply = await client.command(["GETRANGE", MANIFEST_KEY, 0, MANIFEST_SIZE_MAX]);
  if (reply.kind === "error") return skip(name, "the manifest cannot be read");
  try {
    const manifest = parseManifest(textIn(reply));
    if (manifest.version === 0) return ok(name, "none in Redis");
    const ids = [...idsOf(manifest)];
    const found =
      ids.length === 0
        ? []
        : await client.batch(
            "pipeline",
            ids.map((id) => ["STRLEN", dictionaryKey(id)]),
          );
    const gone = ids.filter(
      (_, index) => found[index]?.kind !== "integer" || Number(found[index].value) === 0,
    );
    if (gone.length > 0) {
      const told = gone.map(dictionaryKey).join(", ");
      return fail(
        name,
        `${told} is named by ${MANIFEST_KEY} and is gone`,
        'Publish it again, or set the mode to "off"',
      );
    }
    const mode = manifest.mode === "on" ? "" : `; the mode is "${manifest.mode}"`;
    const told = `${count(ids.length, "dictionary").replace(/ys$/, "ies")} for ${count(manifest.patterns.length, "pattern")} of keys${mode}`;
    return manifest.mode === "on"
      ? ok(name, told)
      : warn(name, told, `Writers obey it until ${MANIFEST_KEY} says "on"`);
  } catch (error) {
    return fail(
      name,
      `${MANIFEST_KEY} is damaged: ${(error as Error).message}`,
      "Publish the dictionaries again",
    );
  }
}

function textIn(reply: RespValue | undefined): string {
  if (reply?.kind === "bulk" && reply.bytes !== null) return utf8Lossy(reply.bytes);
  return reply?.kind === "status" ? reply.text : reply?.kind === "integer" ? `${reply.value}` : "";
}
