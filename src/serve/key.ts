/** A source that is a key of a store, whose size and version are known before anything is read. */
import { toHex } from "../bytes.ts";
import { ZstashError } from "../errors.ts";
import type { ByteStream } from "../streams.ts";
import type { CodecLoader } from "../value/codec-loader.ts";
import { begun, readWhole, type SizedBody } from "./body.ts";
import { AT_ONCE, sourceOfReader, type Source } from "./source.ts";

/** Facts about a value, as the store's `stat` returns them. */
export interface ServedStat {
  /** The size of the content in bytes; undefined if nothing declares it, and then there are no ranges. */
  readonly size: number | undefined;
  /** The size in Redis, in bytes. */
  readonly storedSize: number;
  /**
   * "frame": frames without a seek table; "seekable": frames with one; "text": either of them in base64; "plain":
   * uncompressed.
   */
  readonly form: "frame" | "seekable" | "text" | "plain";
  /** Differs whenever the content does; undefined if nothing tells versions apart. */
  readonly version: string | undefined;
}

/** The methods of a store that are used, as `createStore` of `zstash/store` provides them. */
export interface ServedStore {
  /** Reads the facts about a value; null if the key does not exist. */
  stat(key: string): Promise<ServedStat | null>;
  /** Streams the stored frames as they are; null if the key does not exist. */
  getCompressed(key: string): Promise<ByteStream | null>;
  /**
   * Streams the bytes `[start, end)` of the content, to its end if `end` is left out; null if the key does not exist.
   */
  getRange(key: string, start: number, end?: number): Promise<ByteStream | null>;
  /** Streams the whole content; null if the key does not exist. */
  get(key: string): Promise<ByteStream | null>;
}

/** The source for a key; null if there is no such key. */
export async function sourceOfKey(
  store: ServedStore,
  key: string,
  codec: CodecLoader,
): Promise<Source | null> {
  const facts = await store.stat(key);
  if (facts === null) return null;
  const { size, storedSize, version, form } = facts;
  // A store that is not ours may tell versions apart in another way.
  const isOurs = version !== undefined && version === versionOf(version, storedSize);
  const opened = async (reading: Promise<ByteStream | null>): Promise<ByteStream> => {
    const stream = await reading;
    if (stream !== null) return stream;
    throw new ZstashError("VALUE_CHANGED", `Cannot send ${JSON.stringify(key)}: it was removed meanwhile`, {
      key,
    });
  };
  const frame = async (): Promise<SizedBody> => {
    const reader = (await opened(store.getCompressed(key))).getReader();
    try {
      const source = await sourceOfReader(reader, codec);
      if (source.frame === undefined) return { body: await source.recompressed(), size: undefined };
      const declared = source.frame.contentSize;
      // A frame that the store has compressed again declares nothing.
      if (form !== "frame" || declared === undefined) return await source.frame.open();
      if (size !== undefined && declared !== size) throw changed(key);
      return await source.frame.open({
        size: storedSize,
        check(end) {
          if (isOurs && versionOf(toHex(end), storedSize) !== version) throw changed(key);
        },
      });
    } catch (error) {
      reader.cancel().catch(() => undefined);
      throw error;
    }
  };
  return {
    size,
    tag: version,
    plain: form === "plain",
    frame: form === "plain" ? undefined : { size: undefined, contentSize: size, open: frame },
    async content(range) {
      const { start, end } = range ?? { start: 0, end: size };
      const stream = await opened(range === undefined ? store.get(key) : store.getRange(key, start, end));
      if (end === undefined || end - start > AT_ONCE) return begun(stream);
      const bytes = await readWhole(stream, AT_ONCE);
      if (bytes.length !== end - start) throw changed(key);
      return bytes;
    },
    recompressed: async () => (await frame()).body,
    drop() {
      // Nothing is open yet.
    },
  };
}

/**
 * The version of a single frame as the store's `stat` makes it: its last bytes, which are its checksum, and its size.
 */
function versionOf(checksum: string, size: number): string {
  return `${checksum.slice(0, 8)}-${size.toString(36)}`;
}

function changed(key: string): ZstashError {
  const message = `Cannot send ${JSON.stringify(key)}: it was written anew meanwhile`;
  return new ZstashError("VALUE_CHANGED", message, { key });
}
