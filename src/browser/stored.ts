/** Recognizes what the bytes of a body are (frames in either carrier, or anything else), and gives their content. */
import { concatenate } from "../bytes.ts";
import type { LoneDecoder, LoneLimits } from "../codec/lone-decoder.ts";
import type { ByteGenerator } from "../codec/pull-stream.ts";
import { ZstashError } from "../errors.ts";
import { decodeBase64 } from "../format/base64.ts";
import type { FrameHeader } from "../format/frame.ts";
import { CARRIER_HEAD_SIZE, TEXT_PREFIX_SIZE } from "../value/carrier.ts";
import { formOf, type StoredForm } from "../value/form.ts";

/** What a body turned out to be, and its bytes from the first one on. */
export interface Opened {
  readonly form: StoredForm;
  readonly chunks: ByteGenerator;
}

/** Reads as much of a body as is needed to recognize it. */
export async function openStored(chunks: ByteGenerator): Promise<Opened> {
  let head: Uint8Array = new Uint8Array(0);
  while (head.length < CARRIER_HEAD_SIZE) {
    const { done, value } = await chunks.next();
    if (done === true) break;
    head = head.length === 0 ? value : concatenate([head, value]);
  }
  return { form: formOf(head), chunks: prepend(head, chunks) };
}

async function* prepend(head: Uint8Array, chunks: ByteGenerator): ByteGenerator {
  if (head.length > 0) yield head;
  yield* chunks;
}

/** The content of a body. An uncompressed body passes unchanged, up to the same limit. */
export async function* contentOf(
  { form, chunks }: Opened,
  load: () => Promise<LoneDecoder>,
  limits: LoneLimits,
  onFrame: (header: FrameHeader) => void = () => undefined,
): ByteGenerator {
  if (form !== "plain") {
    const decoder = await load();
    yield* decoder.decode(form === "text" ? framesOf(chunks) : chunks, limits, onFrame);
    return;
  }
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > limits.maxSize)
      throw new ZstashError(
        "SIZE_LIMIT",
        `Cannot read the value: it is larger than the limit of ${limits.maxSize} bytes`,
      );
    yield chunk;
  }
}

/** Decodes the base64 of the text carrier as it arrives, and gives the frames. */
async function* framesOf(chunks: ByteGenerator): ByteGenerator {
  const ascii = new TextDecoder();
  let rest = "";
  let prefix = TEXT_PREFIX_SIZE;
  /** True after padding, which may stand only at the end. */
  let ended = false;
  for await (const chunk of chunks) {
    // Bytes that are not ASCII become characters that are not base64.
    rest += ascii.decode(chunk, { stream: true });
    const cut = Math.min(prefix, rest.length);
    prefix -= cut;
    const whole = rest.length - ((rest.length - cut) % 4);
    const text = rest.slice(cut, whole);
    rest = rest.slice(whole);
    if (text === "") continue;
    const bytes = ended ? undefined : decodeBase64(text);
    ended = text.endsWith("=");
    if (bytes === undefined) throw notBase64();
    yield bytes;
  }
  if (rest !== "") throw notBase64();
}

function notBase64(): ZstashError {
  return new ZstashError("CORRUPT", "Cannot read the value: what follows its prefix is not base64");
}
