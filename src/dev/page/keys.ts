/** Lists keys by SCAN, and gives each an id so that the page can ask for it again, whatever bytes it consists of. */
import { decodeBase64, encodeBase64 } from "../../format/base64.ts";
import { readUtf8 } from "../../text.ts";
import type { Backend } from "../backend.ts";
import { toText, utf8 } from "../text.ts";
import { ask, bytesOf, itemsOf, textOf } from "./ask.ts";
import type { KeyEntry, KeyPage } from "./protocol.ts";

/** About how many keys one response has at most: 10 of them list 100,000 keys. */
const PAGE_KEYS = 10_000;
/** The fewest that are asked for. */
const PAGE_KEYS_MIN = 100;
/** Keys that one SCAN looks at: it blocks a Redis for about 2 ms. */
const SCAN_COUNT = 5_000;
/** SCANs for one response, for a pattern that few keys match. */
const SCANS_MAX = 20;
/** The longest name that is listed completely, and how much is shown of a longer one. */
const NAME_MAX = 200;
/** The longest name that can be sent back: Upstash takes none above 32 KiB. */
const ID_MAX = 32_768;

/** Lists the next keys that match a pattern: at least `wanted` of them, if there are that many. */
export async function listKeys(
  backend: Backend,
  cursor: string,
  match: string,
  wanted: number = PAGE_KEYS,
): Promise<KeyPage> {
  const most = Math.max(PAGE_KEYS_MIN, Math.min(wanted, PAGE_KEYS));
  const keys: KeyEntry[] = [];
  let at = /^[0-9]{1,20}$/.test(cursor) ? cursor : "0";
  for (let scans = 0; scans < SCANS_MAX && keys.length < most; scans++) {
    const pattern = match === "" || match === "*" ? [] : ["MATCH", match];
    const [next, found] = itemsOf(
      await ask(backend, "SCAN", at, ...pattern, "COUNT", Math.min(most, SCAN_COUNT)),
    );
    for (const key of itemsOf(found)) keys.push(entryOf(bytesOf(key)));
    at = textOf(next) || "0";
    if (at === "0") break;
  }
  return { cursor: at, keys };
}

function entryOf(key: Uint8Array): KeyEntry {
  const text = key.length <= NAME_MAX ? readUtf8(key) : undefined;
  if (text !== undefined) return text;
  const name = toText(key.subarray(0, NAME_MAX));
  const id = key.length <= ID_MAX ? `:${encodeBase64(key)}` : null;
  return { id, name, nameSize: key.length };
}

/** The bytes of a key by its id: `=` and its name, or `:` and its bytes in base64. Undefined for anything else. */
export function keyOf(id: unknown): Uint8Array | undefined {
  if (typeof id !== "string") return undefined;
  if (id.startsWith("=")) return utf8(id.slice(1));
  return id.startsWith(":") ? decodeBase64(id, 1) : undefined;
}
