/**
 * Stores a small value in one request if its key does not exist, and finds out the result of a request that was lost.
 */
import { ZstashError } from "../errors.ts";
import { writeRawBlocks } from "../format/raw-blocks.ts";
import type { RestClient } from "../rest/client.ts";
import type { RestCommand } from "../rest/rest-command.ts";
import { readUtf8, utf8Encoder } from "../text.ts";
import { isReserved, toTextCarrier } from "../value/carrier.ts";
import { formOf } from "../value/form.ts";
import { requireBulk, requireNumber, requireReply } from "./reply.ts";
import { isVersion } from "./slice.ts";

/** A value for a key that must not exist yet. */
export interface NewValue {
  readonly key: string;
  readonly bytes: Uint8Array;
  /** Milliseconds to live; undefined if it does not expire. */
  readonly ttl: number | undefined;
  /** True if it is one frame: parts of several frames are read by their position, which base64 would change. */
  readonly oneFrame: boolean;
  readonly signal: AbortSignal;
}

/** The most times that a request is sent. */
const ATTEMPTS = 3;
/**
 * The most bytes that are sent as text. Text is a third longer, but can have options without a value; a request that
 * carries bytes takes only options with values (`rest-command.ts`). Larger values wait for two more answers instead.
 */
const TEXT_MAX = 128 << 10;

/**
 * Stores the value by one SETNX or SET NX, and returns the stored size in bytes; null if the key exists already,
 * undefined if no single request can do it.
 */
export async function setIfAbsent(client: RestClient, value: NewValue): Promise<number | null | undefined> {
  const { bytes, ttl, oneFrame, signal } = value;
  const goesAsText = ttl !== undefined && oneFrame && bytes.length <= TEXT_MAX;
  const text = goesAsText ? plainTextOf(bytes) : undefined;
  if (ttl !== undefined && text === undefined) return undefined;
  for (let attempt = 1; ; attempt++) {
    try {
      const isSet = await (text === undefined ? setnx(client, value) : setNx(client, value, text));
      if (!isSet && (attempt === 1 || !(await isStored(client, value, text)))) return null;
      return (text === undefined ? bytes : utf8Encoder.encode(text)).length;
    } catch (error) {
      const lost = error instanceof ZstashError && error.effect === "unknown";
      // The stored value tells whether it has run. Sent again it changes no existing value.
      if (!lost || signal.aborted || attempt === ATTEMPTS) throw error;
    }
  }
}

async function setnx(client: RestClient, { key, bytes, signal }: NewValue): Promise<boolean> {
  const asText = (): RestCommand => ["SETNX", key, textOf(bytes)];
  return requireNumber(await client.command(["SETNX", key, bytes], { signal, asText }), "store", key) === 1;
}

async function setNx(client: RestClient, { key, ttl, signal }: NewValue, text: string): Promise<boolean> {
  const reply = await client.command(["SET", key, text, "PX", ttl!, "NX"], { signal });
  return requireReply(reply, "store", key).kind === "status";
}

/** Returns true if the key holds this value. */
async function isStored(
  client: RestClient,
  { key, bytes, signal }: NewValue,
  text: string | undefined,
): Promise<boolean> {
  const found = requireBulk(await client.command(["GET", key], { signal }), "store", key);
  const asBytes = text === undefined && client.sendsBytes;
  const expected = asBytes ? bytes : utf8Encoder.encode(text ?? textOf(bytes));
  return found !== null && isVersion(found.length, found, { size: expected.length, bytes: expected });
}

/** A value for a server that takes no bytes: frames in base64; other bytes as text, or in a frame. */
export function textOf(bytes: Uint8Array): string {
  return plainTextOf(bytes) ?? toTextCarrier(writeRawBlocks(bytes));
}

/** A value as text without a frame around it; undefined if it is not text. */
function plainTextOf(bytes: Uint8Array): string | undefined {
  if (formOf(bytes) === "frames") return toTextCarrier(bytes);
  const text = readUtf8(bytes);
  return text === undefined || isReserved(text) ? undefined : text;
}
