import { concatenate } from "../bytes.ts";
import type { Zstd } from "../codec/zstd.ts";
import { ZstashError } from "../errors.ts";
import { REDIS_STRING_MAX } from "../limits.ts";
import { writeRawBlocks } from "../format/raw-blocks.ts";
import type { ByteStream, ReadableBytes } from "../streams.ts";
import { fromTextCarrier, isRawCarrier, isTextCarrier } from "../value/carrier.ts";
import { streamOf, type StoredBytes } from "./download.ts";
import type { StoreContext } from "./options.ts";
import { withKey } from "./reply.ts";
import { prepend } from "./prepend.ts";

/** How a stored value lies: as frames, as frames in base64, or uncompressed. */
export type StoredForm = "frames" | "text" | "plain";

/** Bytes by which the form is recognised. */
export const FORM_SIZE = 9;

/** The form of a stored value, by its first bytes. */
export function formOf(head: Uint8Array): StoredForm {
  if (isRawCarrier(head)) return "frames";
  return isTextCarrier(String.fromCharCode(...head.subarray(0, FORM_SIZE))) ? "text" : "plain";
}

/** The content of a stored value, decoded as it arrives. What was stored without compression comes as it is. */
export async function openContent(
  context: StoreContext,
  key: string,
  stored: StoredBytes,
): Promise<ByteStream> {
  const { form, stream } = await peek(stored.stream);
  if (form === "plain") return keyed(stream, key);
  const zstd = await requireCodec(context, key, stream);
  const frames = form === "text" ? streamOf(await readText(stream, key)) : stream;
  return keyed(frames.pipeThrough(zstd.decompressStream({ maxWindowLog: context.maxWindowLog })), key);
}

/** The frames of a stored value; one of raw blocks for a value that lies uncompressed. */
export async function openCompressed(key: string, stored: StoredBytes): Promise<ByteStream> {
  const { form, stream } = await peek(stored.stream);
  if (form === "frames") return keyed(stream, key);
  return streamOf(form === "text" ? await readText(stream, key) : writeRawBlocks(await readAll(stream)));
}

/** A stream whose errors name the key. */
export function keyed(stream: ReadableBytes, key: string): ByteStream {
  return prepend(stream.getReader(), undefined, (error) => withKey(error, key));
}

/** Reads as much as tells the form, and gives the stream with it. */
async function peek(
  stream: ReadableStream<Uint8Array>,
): Promise<{ readonly form: StoredForm; readonly stream: ByteStream }> {
  const reader = stream.getReader();
  let head: Uint8Array = new Uint8Array(0);
  while (head.length < FORM_SIZE) {
    const { done, value } = await reader.read();
    if (done) break;
    head = head.length === 0 ? value : concatenate([head, value]);
  }
  return { form: formOf(head), stream: prepend(reader, head) };
}

async function readText(stream: ReadableStream<Uint8Array>, key: string): Promise<Uint8Array> {
  try {
    return fromTextCarrier(new TextDecoder().decode(await readAll(stream, REDIS_STRING_MAX)));
  } catch (error) {
    throw withKey(error, key);
  }
}

/**
 * A stream's bytes.
 *
 * @throws {ZstashError} SIZE_LIMIT past `maxSize`
 */
export async function readAll(
  stream: ReadableStream<Uint8Array>,
  maxSize: number = Infinity,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = stream.getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      size += next.value.length;
      if (size > maxSize) {
        throw new ZstashError(
          "SIZE_LIMIT",
          `Cannot read the value: it is larger than the limit of ${maxSize} bytes`,
        );
      }
      chunks.push(next.value);
    }
  } catch (error) {
    reader.cancel(error).catch(() => undefined);
    throw error;
  }
  return concatenate(chunks);
}

async function requireCodec(
  { codec }: StoreContext,
  key: string,
  stream: ReadableStream<Uint8Array>,
): Promise<Zstd> {
  const loaded = codec.loaded ?? (await codec.load());
  if (!("error" in loaded)) return loaded;
  stream.cancel().catch(() => undefined);
  throw withKey(loaded.error, key);
}
