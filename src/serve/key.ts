/** A source that is a key of a store, whose size and version are known before anything of it is read. */
import { ZstashError } from "../errors.ts";
import type { ByteStream } from "../streams.ts";
import type { CodecLoader } from "../value/codec-loader.ts";
import { sourceOfReader, type Body, type Source } from "./source.ts";

/** Facts of a value, as the store's `stat` gives them. */
export interface ServedStat {
  readonly size: number | undefined;
  readonly storedSize: number;
  readonly form: "frame" | "seekable" | "text" | "plain";
  /** Differs wherever the content does; undefined if nothing tells. */
  readonly version: string | undefined;
}

/** The methods of a store that are used: those of `createStore` of `zstash/store`. */
export interface ServedStore {
  stat(key: string): Promise<ServedStat | null>;
  getCompressed(key: string): Promise<ByteStream | null>;
  getRange(key: string, start: number, end?: number): Promise<ByteStream | null>;
  get(key: string): Promise<ByteStream | null>;
}

/** The source of a key; null if there is no such key. */
export async function sourceOfKey(
  store: ServedStore,
  key: string,
  codec: CodecLoader,
): Promise<Source | null> {
  const facts = await store.stat(key);
  if (facts === null) return null;
  const { size, version, form } = facts;
  const opened = async (reading: Promise<ByteStream | null>): Promise<ByteStream> => {
    const stream = await reading;
    if (stream !== null) return stream;
    throw new ZstashError("VALUE_CHANGED", `Cannot send ${JSON.stringify(key)}: it was removed meanwhile`, {
      key,
    });
  };
  const frame = async (): Promise<Body> => {
    const reader = (await opened(store.getCompressed(key))).getReader();
    try {
      const source = await sourceOfReader(reader, codec);
      return await (source.frame === undefined ? source.recompressed() : source.frame.open());
    } catch (error) {
      reader.cancel().catch(() => undefined);
      throw error;
    }
  };
  return {
    size,
    tag: version,
    plain: form === "plain",
    frame: form === "plain" ? undefined : { size: undefined, open: frame },
    content: (range) =>
      opened(range === undefined ? store.get(key) : store.getRange(key, range.start, range.end)),
    recompressed: frame,
    drop() {
      // Nothing is open yet.
    },
  };
}
