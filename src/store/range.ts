/** Reads ranges of values: of a seekable value only the frames that hold the range. */
import { requireInteger } from "../check.ts";
import { createPullStream } from "../codec/pull-stream.ts";
import type { RangeSource } from "../codec/decompress-options.ts";
import { ZstashError } from "../errors.ts";
import { parseSeekTable, seekTableSize, type SeekTable } from "../format/seek-table.ts";
import { VERSION_FRAME_SIZE } from "../format/version-frame.ts";
import { RANGE_READ_SIZE } from "../limits.ts";
import type { ByteStream } from "../streams.ts";
import { CARRIER_HEAD_SIZE } from "../value/carrier.ts";
import { formOf, openContent, openStored, prepend, type StoredForm } from "./content.ts";
import type { StoreSettings } from "./options.ts";
import { withKey } from "./reply.ts";
import { isVersion, TAIL_SIZE, valueChanged, versionIn, versionRange, type Version } from "./slice.ts";

/**
 * Bytes of the first read of a value's end: it holds the seek table of 4,000 frames, so that a kilobyte out of 250 MB in
 * frames of 64 KiB takes two requests of together less than 100 KB.
 */
const TABLE_READ = 32 << 10;
/** Frames that the tables in the cache may have together: 16 bytes of memory each. */
const CACHED_FRAMES = 1 << 20;
/** The most attempts at a read whose value is replaced before any of it was handed on. */
const RESTARTS = 5;

/** The facts of a stored value that are needed to read parts of it. */
interface Located {
  readonly form: StoredForm;
  readonly version: Version;
  readonly table: SeekTable | undefined;
}

/** Reads parts of values, and remembers their seek tables. */
export class RangeReader {
  readonly #settings: StoreSettings;
  readonly #located = new Map<string, Located>();

  constructor(settings: StoreSettings) {
    this.#settings = settings;
  }

  /** Forgets what is known of a key. */
  forget(key: string): void {
    this.#located.delete(key);
  }

  /**
   * Bytes `[start, end)` of the content, or null if there is nothing. If the value was replaced since it was located, it
   * is located anew, as long as nothing was handed on.
   */
  async read(
    key: string,
    start: number,
    end: number,
    signal: AbortSignal | undefined,
  ): Promise<ByteStream | null> {
    requireInteger("start", start, 0, Number.MAX_SAFE_INTEGER);
    requireInteger("end", end, start, Number.MAX_SAFE_INTEGER);
    for (let attempt = 1; ; attempt++) {
      const located = this.#located.get(key) ?? (await this.#locate(key, signal));
      if (located === null) return null;
      try {
        return await begin(await this.#open(key, located, start, end, signal), key);
      } catch (error) {
        this.#located.delete(key);
        const changed = error instanceof ZstashError && error.code === "VALUE_CHANGED";
        if (!changed || attempt === RESTARTS) throw withKey(error, key);
      }
    }
  }

  async #open(
    key: string,
    { form, version, table }: Located,
    start: number,
    end: number,
    signal: AbortSignal | undefined,
  ): Promise<ByteStream> {
    if (form === "plain") return readPlain(this.#source(key, version), start, end, signal);
    if (table === undefined) {
      // Nothing tells where a part begins: the value is read from its start up to the part's end.
      const stored = await openStored(this.#settings, key, signal);
      if (stored === null) throw valueChanged(key);
      return cut(await openContent(this.#settings, key, stored), start, end);
    }
    const { codec } = this.#settings;
    const zstd = codec.loaded ?? (await codec.load());
    if ("error" in zstd) throw zstd.error;
    const options = { readSize: RANGE_READ_SIZE, seekTable: table, signal };
    return zstd.decompressRange(this.#source(key, version), start, end, options);
  }

  /** A source whose reads are of this version and no other. */
  #source(key: string, version: Version): RangeSource {
    const { slices } = this.#settings;
    return {
      size: version.size,
      async read(start, end, { signal } = {}) {
        const slice = await slices.read(key, [[start, end - 1], version.range], signal);
        if (slice === null || !isVersion(slice.size, slice.parts[1]!, version)) throw valueChanged(key);
        return slice.parts[0]!;
      },
    };
  }

  async #locate(key: string, signal: AbortSignal | undefined): Promise<Located | null> {
    const { slices } = this.#settings;
    const slice = await slices.read(
      key,
      [
        [0, CARRIER_HEAD_SIZE - 1],
        [-TABLE_READ, -1],
      ],
      signal,
    );
    if (slice === null) return null;
    const [head, tail] = slice.parts as [Uint8Array, Uint8Array];
    const form = formOf(head);
    const tableSize = form === "frames" ? seekTableSize(tail, slice.size) : undefined;
    if (tableSize === undefined) {
      return { form, version: versionIn(tail, slice.size, [-TAIL_SIZE, -1]), table: undefined };
    }
    // The version frame stands before the table.
    const needed = Math.min(slice.size, tableSize + VERSION_FRAME_SIZE);
    const end = needed <= tail.length ? tail : await this.#readEnd(key, slice.size, needed, signal);
    const version = versionIn(end, slice.size, versionRange(end, slice.size));
    return this.#remember(key, { form, version, table: parseSeekTable(end, slice.size)! });
  }

  /** The last bytes of a value whose table is longer than the first read. */
  async #readEnd(
    key: string,
    size: number,
    length: number,
    signal: AbortSignal | undefined,
  ): Promise<Uint8Array> {
    const slice = await this.#settings.slices.read(key, [[size - length, size - 1]], signal);
    if (slice === null || slice.size !== size) throw valueChanged(key);
    return slice.parts[0]!;
  }

  #remember(key: string, located: Located): Located {
    const frames = located.table?.frameCount ?? 0;
    if (frames > CACHED_FRAMES) return located;
    this.#located.delete(key);
    this.#located.set(key, located);
    let held = 0;
    for (const [name, { table }] of [...this.#located].toReversed()) {
      held += table?.frameCount ?? 0;
      if (held > CACHED_FRAMES) this.#located.delete(name);
    }
    return located;
  }
}

/** Gives the stream once its first chunk is there: until then the read of a replaced value can begin again. */
async function begin(stream: ByteStream, key: string): Promise<ByteStream> {
  const reader = stream.getReader();
  const { value } = await reader.read();
  return prepend(reader, value, key);
}

function readPlain(
  source: RangeSource,
  start: number,
  end: number,
  signal: AbortSignal | undefined,
): ByteStream {
  if (start > source.size) throw pastEnd(start, source.size);
  const last = Math.min(end, source.size);
  return createPullStream(async function* read(ended) {
    for (let at = start; at < last; at += RANGE_READ_SIZE) {
      yield await source.read(at, Math.min(last, at + RANGE_READ_SIZE), { signal: ended });
    }
  }, signal);
}

/** Bytes `[start, end)` of a stream. */
function cut(stream: ByteStream, start: number, end: number): ByteStream {
  return createPullStream(async function* read() {
    const reader = stream.getReader();
    let at = 0;
    try {
      for (let next = await reader.read(); !next.done && at < end; next = await reader.read()) {
        const part = next.value.subarray(Math.max(0, start - at), end - at);
        at += next.value.length;
        if (part.length > 0 && at > start) yield part;
      }
      if (at < start) throw pastEnd(start, at);
    } finally {
      reader.cancel().catch(() => undefined);
    }
  });
}

function pastEnd(start: number, size: number): RangeError {
  return new RangeError(`"start" must not lie past the content of ${size} bytes, got ${start}`);
}
