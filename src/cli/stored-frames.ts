/** Opens the frames of a stored value as they are, undecoded: for tools that read zstd. */
import { FRAME_HEADER_SIZE_MAX, readFrameHeader } from "../format/frame.ts";
import { observed, openStored, peek, readText, streamOf } from "../store/content.ts";
import type { DownloadOptions, StoreSettings } from "../store/options.ts";
import type { ByteStream } from "../streams.ts";
import { Failure } from "./command.ts";

/** The frames of a value. */
export interface StoredFrames {
  readonly stream: ByteStream;
  /** The id of the dictionary that is needed to decode them; 0 for none. */
  readonly dictionaryId: number;
}

/**
 * Opens the frames of a value in either carrier; null if the key does not exist.
 *
 * @throws {Failure} for a value that is not compressed
 * @throws {ZstashError} at once or in the stream, as `Store.get`
 */
export async function openFrames(
  settings: StoreSettings,
  key: string,
  { signal, onProgress }: DownloadOptions,
): Promise<StoredFrames | null> {
  const stored = await openStored(settings, key, { signal, decoded: false });
  if (stored === null) return null;
  const { form, head, stream } = await peek(observed(stored, onProgress).stream, FRAME_HEADER_SIZE_MAX);
  if (form === "frames") return { stream, dictionaryId: dictionaryIn(head) };
  if (form === "text") {
    const frames = await readText({ ...stored, whole: undefined, stream }, key);
    return { stream: streamOf(frames), dictionaryId: dictionaryIn(frames) };
  }
  await stream.cancel().catch(() => undefined);
  throw new Failure(
    `Cannot get ${JSON.stringify(key)} compressed: it is stored uncompressed. Leave out --compressed, or pipe it: zstash get … | zstd`,
  );
}

/** The dictionary id in the first header. Faults of a header are reported by whoever decodes it. */
function dictionaryIn(head: Uint8Array): number {
  try {
    return readFrameHeader(head).dictionaryId;
  } catch {
    return 0;
  }
}
