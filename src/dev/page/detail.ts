/**
 * Reads everything that is shown about one key: its facts, its frames, the beginning of its content, its first
 * elements.
 */
import type { RespValue } from "../../rest/resp.ts";
import type { Backend } from "../backend.ts";
import { toText } from "../text.ts";
import { ask, bytesOf, integerOf, itemsOf, textOf } from "./ask.ts";
import { decodeContent, framesOf } from "./content.ts";
import { readFacts } from "./facts.ts";
import { readLayout } from "./layout.ts";
import type { ElementPreview, KeyDetail, KeyFacts } from "./protocol.ts";

/** The bytes of a string that are read. The layout of a longer one ends there. It is a multiple of 4 after zs1:. */
const READ_MAX = (16 << 20) + 4;
const ELEMENTS = 50;
/** Characters of an element that are shown. */
const ELEMENT_TEXT = 300;
/** Larger elements are not decoded for the list. */
const ELEMENT_MAX = 1 << 20;

/** Reads everything that is shown about a key. */
export async function readDetail(backend: Backend, key: Uint8Array): Promise<KeyDetail> {
  const facts = await readFacts(backend, key);
  const nothing = { nameSize: key.length, layout: null, verdict: "plain", elements: [] } as const;
  const none = { kind: "none", text: "", cut: false } as const;
  if (facts.type !== "string") {
    return { ...facts, ...nothing, preview: none, elements: await readElements(backend, key, facts.type) };
  }
  const stored = bytesOf(await ask(backend, "GETRANGE", key, 0, READ_MAX - 1));
  const cut = (facts.storedSize ?? 0) > stored.length;
  const { verdict, preview, size } = await decodeContent(stored, cut);
  const frames = framesOf(stored);
  const layout = frames === undefined ? null : readLayout(frames, cut ? fileSizeOf(facts) : frames.length);
  return { ...facts, ...nothing, size: size ?? facts.size, layout, verdict, preview };
}

/** The size of a value's frames, from its size in Redis. */
function fileSizeOf({ carrier, storedSize }: KeyFacts): number {
  return carrier === "text" ? (((storedSize ?? 0) - 4) / 4) * 3 : (storedSize ?? 0);
}

/** The first elements of a value, if its type has elements. */
async function readElements(backend: Backend, key: Uint8Array, type: string): Promise<ElementPreview[]> {
  const pairs = await readPairs(backend, key, type);
  return Promise.all(
    pairs.slice(0, ELEMENTS).map(async ([name, stored]) => {
      const tooLarge = stored.length > ELEMENT_MAX;
      const { verdict, preview, size } = await decodeContent(
        tooLarge ? stored.subarray(0, ELEMENT_TEXT) : stored,
        tooLarge,
        false,
      );
      const fault = typeof verdict === "object" ? verdict.fault : undefined;
      return {
        name,
        text: (fault ?? preview.text).slice(0, ELEMENT_TEXT),
        storedSize: stored.length,
        size: size ?? stored.length,
        compressed: verdict !== "plain",
      };
    }),
  );
}

/** The names and the bytes of the first elements. */
async function readPairs(
  backend: Backend,
  key: Uint8Array,
  type: string,
): Promise<(readonly [name: string, stored: Uint8Array])[]> {
  const nameOf = (bytes: Uint8Array): string => toText(bytes.subarray(0, ELEMENT_TEXT));
  const paired = (items: readonly RespValue[]): [Uint8Array, Uint8Array][] =>
    items.flatMap((item, index) => (index % 2 === 0 ? [[bytesOf(item), bytesOf(items[index + 1])]] : []));
  switch (type) {
    case "hash": {
      const [, items] = itemsOf(await ask(backend, "HSCAN", key, 0, "COUNT", ELEMENTS));
      return paired(itemsOf(items)).map(([name, value]) => [nameOf(name), value]);
    }
    case "list": {
      const items = itemsOf(await ask(backend, "LRANGE", key, 0, ELEMENTS - 1));
      return items.map((item, index) => [`${index}`, bytesOf(item)]);
    }
    case "set": {
      const [, items] = itemsOf(await ask(backend, "SSCAN", key, 0, "COUNT", ELEMENTS));
      return itemsOf(items).map((item) => ["", bytesOf(item)]);
    }
    case "zset": {
      const items = itemsOf(await ask(backend, "ZRANGE", key, 0, ELEMENTS - 1, "WITHSCORES"));
      return paired(items).map(([member, score]) => [toText(score), member]);
    }
    case "stream": {
      const entries = itemsOf(await ask(backend, "XRANGE", key, "-", "+", "COUNT", ELEMENTS));
      return entries.flatMap((entry) => {
        const [id, fields] = itemsOf(entry);
        return paired(itemsOf(fields)).map(
          ([name, value]) => [`${textOf(id)} ${nameOf(name)}`, value] as const,
        );
      });
    }
    default:
      return [];
  }
}

/** Bytes that Redis uses; undefined if it does not say. */
export async function readMemory(backend: Backend): Promise<number | undefined> {
  const found = /^used_memory:(\d+)/m.exec(textOf(await ask(backend, "INFO", "memory")));
  return found === null ? undefined : Number(found[1]);
}

/** Keys in the database. */
export async function readKeyCount(backend: Backend): Promise<number> {
  return integerOf(await ask(backend, "DBSIZE")) ?? 0;
}
