/** Reads a key's type, times and sizes from its first and last bytes, with the package's own readers of the format. */
import { decodeBase64 } from "../../format/base64.ts";
import { readFrameHeader, walkFrame } from "../../format/frame.ts";
import { parseSeekTable, seekTableSize } from "../../format/seek-table.ts";
import { formOf } from "../../value/form.ts";
import { TEXT_PREFIX_SIZE } from "../../value/carrier.ts";
import type { Backend } from "../backend.ts";
import { toText } from "../text.ts";
import { ask, bytesOf, integerOf, textOf } from "./ask.ts";
import type { KeyFacts, StoredKind } from "./protocol.ts";

/** Enough for the longest header, in base64 too. */
const HEAD_SIZE = 48;
/** Enough for the seek table of 500 frames; a longer one shows only in the key's own view. A multiple of four. */
const TAIL_SIZE = 4096;

/** The command that counts the elements of a type. */
const COUNTERS: Readonly<Record<string, string>> = {
  list: "LLEN",
  hash: "HLEN",
  set: "SCARD",
  zset: "ZCARD",
  stream: "XLEN",
};

const NOTHING: Omit<KeyFacts, "type" | "ttl"> = {
  storedSize: null,
  size: null,
  carrier: null,
  kind: null,
  dictionaryId: 0,
  count: null,
  fault: null,
};

/** Reads the facts about a key. Sends at most six commands. */
export async function readFacts(backend: Backend, key: Uint8Array): Promise<KeyFacts> {
  const [typeReply, ttlReply] = await Promise.all([ask(backend, "TYPE", key), ask(backend, "PTTL", key)]);
  const type = textOf(typeReply);
  const left = integerOf(ttlReply) ?? -1;
  const ttl = left < 0 ? null : left;
  if (type === "string") return { type, ttl, ...(await readString(backend, key)) };
  const counter = COUNTERS[type];
  if (counter === undefined) return { type, ttl, ...NOTHING };
  const [count, usage] = await Promise.all([
    ask(backend, counter, key),
    ask(backend, "MEMORY", "USAGE", key),
  ]);
  return { type, ttl, ...NOTHING, count: integerOf(count) ?? null, storedSize: integerOf(usage) ?? null };
}

async function readString(backend: Backend, key: Uint8Array): Promise<Omit<KeyFacts, "type" | "ttl">> {
  const [length, head, tail] = await Promise.all([
    ask(backend, "STRLEN", key),
    ask(backend, "GETRANGE", key, 0, HEAD_SIZE - 1),
    ask(backend, "GETRANGE", key, -TAIL_SIZE, -1),
  ]);
  return describeString(integerOf(length) ?? 0, bytesOf(head), bytesOf(tail));
}

/** The facts about a string of `storedSize` bytes, given its first and last bytes. */
export function describeString(
  storedSize: number,
  head: Uint8Array,
  tail: Uint8Array,
): Omit<KeyFacts, "type" | "ttl"> {
  const form = formOf(head);
  if (form === "plain") return { ...NOTHING, storedSize, size: storedSize, kind: "plain" };
  const carrier = form === "text" ? "text" : "raw";
  try {
    const file = form === "text" ? fromText(storedSize, head, tail) : { size: storedSize, head, tail };
    const { dictionaryId } = readFrameHeader(file.head);
    return { ...NOTHING, storedSize, carrier, dictionaryId, ...describeFile(file) };
  } catch (error) {
    return { ...NOTHING, storedSize, carrier, kind: "frame", fault: messageOf(error) };
  }
}

/** The first and last bytes of a `.zst` file. */
interface FileEnds {
  readonly size: number;
  readonly head: Uint8Array;
  readonly tail: Uint8Array;
}

function describeFile({ size, head, tail }: FileEnds): {
  readonly kind: StoredKind;
  readonly size: number | null;
} {
  const tableSize = seekTableSize(tail, size);
  if (tableSize !== undefined) {
    const table = tableSize <= tail.length ? parseSeekTable(tail, size) : undefined;
    return { kind: "seekable", size: table?.size ?? null };
  }
  const { contentSize = null } = readFrameHeader(head);
  if (tail.length < size) return { kind: "frame", size: contentSize };
  let sum: number | null = 0;
  let frames = 0;
  for (let at = 0; at < size;) {
    const { header, end } = walkFrame(tail, at, frames++);
    if (header.type === "frame")
      sum = sum === null || header.contentSize === undefined ? null : sum + header.contentSize;
    at = end;
  }
  return { kind: frames > 1 ? "frames" : "frame", size: sum };
}

function fromText(storedSize: number, head: Uint8Array, tail: Uint8Array): FileEnds {
  const length = storedSize - TEXT_PREFIX_SIZE;
  const decode = (text: Uint8Array): Uint8Array => {
    const bytes = length % 4 === 0 ? decodeBase64(toText(text)) : undefined;
    if (bytes === undefined) throw new TypeError("Cannot read the value: what follows zs1: is not base64");
    return bytes;
  };
  const body = tail.length < storedSize ? tail : tail.subarray(TEXT_PREFIX_SIZE);
  const padding = /=*$/.exec(toText(tail.subarray(-2)))?.[0].length ?? 0;
  const start = head.subarray(TEXT_PREFIX_SIZE, storedSize);
  return {
    size: (length / 4) * 3 - padding,
    head: decode(start.subarray(0, start.length - (start.length % 4))),
    tail: decode(body.subarray(body.length % 4)),
  };
}

/** The message of an error. Our own errors hold no value. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : "unknown fault";
}
