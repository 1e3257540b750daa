/** Reads ranges of values: of a seekable value only the frames that hold the range. */
import { requireInteger } from "../check.ts";
import { createPullStream, type ByteGenerator } from "../codec/pull-stream.ts";
import type { RangeSource } from "../codec/decompress-options.ts";
import { planReads } from "../codec/range-plan.ts";
import { stopwatch } from "../codec/stopwatch.ts";
import { ZstashError } from "../errors.ts";
import type { SeekTable } from "../format/seek-table.ts";
import { isVersionFrame, VERSION_FRAME_SIZE } from "../format/version-frame.ts";
import { DEFAULT_MAX_SIZE, RANGE_READ_SIZE } from "../limits.ts";
import { anyOf } from "../signals.ts";
import type { ByteStream } from "../streams.ts";
import { CARRIER_HEAD_SIZE } from "../value/carrier.ts";
import { observed, openContent, openStored, prepend, type ReadWork } from "./content.ts";
import { fetchMissing } from "./dictionaries.ts";
import { formOf, type StoredForm } from "../value/form.ts";
import type { StoreSettings } from "./options.ts";
import { cut, DEFAULT_PIECE, provenSize, readVersion } from "./pieces.ts";
import { untilAborted } from "./report.ts";
import { withKey } from "./reply.ts";
import {
  readTable,
  tableSizeOf,
  valueChanged,
  versionIn,
  versionRange,
  type ByteRange,
  type Version,
} from "./slice.ts";
import { readUnversioned, type Extent, type ReadPiece } from "./unversioned.ts";
import { ReadTrace } from "./value-events.ts";

/**
 * Bytes of the first read of a value's end. It holds the seek table of 4,000 frames, so reading a kilobyte of 250 MB
 * in frames of 64 KiB takes two requests and less than 100 KB in all.
 */
const TABLE_READ = 32 << 10;
/** The most bytes of the cache: two numbers for each frame, and the overhead of an entry (measured: 1.4 KB). */
const CACHE_SIZE = 16 << 20;
const FRAME_COST = 16;
const ENTRY_COST = 1536;
/** The most attempts at a read whose value is replaced before anything was passed on. */
const RESTARTS = 5;

/** The facts about a stored value that are needed to read parts of it. */
interface Located {
  readonly form: StoredForm;
  readonly size: number;
  /** Undefined if nothing in the value distinguishes it from its successor. */
  readonly version: Version | undefined;
  readonly table: SeekTable | undefined;
  /** True if the table lists all frames of the value. */
  readonly isTableWhole?: boolean;
  /** The bytes that the table was read from, if there is no version. */
  readonly end: Uint8Array;
}

/** Reads parts of values, and remembers their seek tables. */
export class RangeReader {
  readonly #settings: StoreSettings;
  /** In the order of use: the entry that was used last is at the end. */
  readonly #located = new Map<string, Located>();
  /** The bytes that the entries take. */
  #held = 0;

  constructor(settings: StoreSettings) {
    this.#settings = settings;
  }

  /** Forgets everything about a key. */
  forget(key: string): void {
    const located = this.#located.get(key);
    if (located === undefined) return;
    this.#located.delete(key);
    this.#held -= costOf(key, located);
  }

  /**
   * Reads the bytes `[start, end)` of the content, or null if the key does not exist. If the value was replaced since
   * it was located, it is located again, as long as nothing was passed on.
   */
  async read(
    key: string,
    start: number,
    end: number,
    signal: AbortSignal | undefined,
  ): Promise<ByteStream | null> {
    requireInteger("start", start, 0, Number.MAX_SAFE_INTEGER);
    requireInteger("end", end, start, Number.MAX_SAFE_INTEGER);
    const { onEvent } = this.#settings;
    const trace = onEvent && new ReadTrace(onEvent, { command: "GETRANGE", key, byStream: false });
    const reading = { signal, trace };
    for (let attempt = 1; ; attempt++) {
      try {
        const located = this.#recall(key) ?? (await this.#locate(key, signal));
        if (located === null) return null;
        if (trace !== undefined) trace.storedSize = 0;
        const content = await begin(await this.#open(key, located, [start, end], reading), key);
        return trace?.over(content) ?? content;
      } catch (thrown) {
        let error = thrown;
        try {
          if (await fetchMissing(this.#settings, thrown, signal)) continue;
        } catch (missing) {
          error = missing;
        }
        this.forget(key);
        const changed = error instanceof ZstashError && error.code === "VALUE_CHANGED";
        if (!changed || attempt === RESTARTS) {
          trace?.failed(error);
          throw withKey(error, key);
        }
      }
    }
  }

  async #open(
    key: string,
    located: Located,
    [start, end]: ByteRange,
    { signal, trace }: ReadWork,
  ): Promise<ByteStream> {
    const { slices, codec, pieceSize, dictionaries } = this.#settings;
    const { form, size, version, table } = located;
    if (form === "plain") {
      if (start > size) throw pastEnd(start, size);
      const pieces = cut(start, Math.min(end, size), provenSize(pieceSize ?? DEFAULT_PIECE));
      const read = await readUnversioned(slices, key, { size, pieces, requestSize: pieceSize }, signal);
      return readPieces(pieces, read, signal);
    }
    if (table === undefined) {
      // Nothing tells where a part begins: the value is read from its start up to the part's end.
      const ended = new AbortController();
      const stored = await openStored(this.#settings, key, { signal: anyOf(ended.signal, signal) });
      if (stored === null) throw valueChanged(key);
      const counted = observed(stored, trace && (({ receivedSize }) => (trace.storedSize = receivedSize)));
      const content = await openContent(this.#settings, key, counted, { signal, trace });
      return cutStream(content, start, end, () => ended.abort(rangeEnded()));
    }
    // The codec reads nothing for an empty range. Of joined files the table is that of the last, and tells too little.
    if (start === end && start > table.size && located.isTableWhole) throw pastEnd(start, table.size);
    const zstd = codec.loaded ?? (await untilAborted(codec.load(), signal));
    if ("error" in zstd) throw zstd.error;
    const read =
      version === undefined
        ? await this.#readFrames(key, located, start, end, signal)
        : readVersion(slices, key, version, pieceSize);
    if (trace !== undefined) trace.encoded = true;
    const source: RangeSource = {
      size,
      read(from, to, options) {
        if (trace !== undefined) trace.storedSize += to - from;
        return read(from, to, options?.signal);
      },
    };
    const readSize = readSizeOf(this.#settings);
    const options = { readSize, seekTable: table, dictionaries, signal, [stopwatch]: trace };
    return zstd.decompressRange(source, start, end, options);
  }

  /** Reads frames of a file without a version: the frames and the table are proven to be from the same write. */
  async #readFrames(
    key: string,
    { size, table, end: tail }: Located,
    start: number,
    end: number,
    signal: AbortSignal | undefined,
  ): Promise<ReadPiece> {
    const last = Math.min(end, table!.size);
    const { slices, pieceSize } = this.#settings;
    const limits = { readSize: readSizeOf(this.#settings), maxFrameSize: DEFAULT_MAX_SIZE };
    const pieces = start < end && start <= last ? [...planReads(table!, start, last, limits)] : [];
    const known = [{ start: size - tail.length, end: size, bytes: tail }];
    return readUnversioned(slices, key, { size, pieces, known, requestSize: pieceSize }, signal);
  }

  /** Finds form, version and seek table from the value's first and last bytes. */
  async #locate(key: string, signal: AbortSignal | undefined): Promise<Located | null> {
    const { slices, pieceSize = DEFAULT_PIECE } = this.#settings;
    const ranges: readonly ByteRange[] = [
      [0, CARRIER_HEAD_SIZE - 1],
      [-Math.min(TABLE_READ, pieceSize - CARRIER_HEAD_SIZE), -1],
    ];
    const slice = await slices.read(key, ranges, signal);
    if (slice === null) return null;
    const { size, parts } = slice;
    let tail = parts[1]!;
    const form = formOf(parts[0]!);
    const tableSize = form === "frames" ? tableSizeOf(tail, size) : undefined;
    // The version frame stands before the table.
    const needed = Math.min(size, (tableSize ?? 0) + VERSION_FRAME_SIZE);
    if (needed > tail.length) {
      // With a version, every part shows that it is from the same write; without one, the parts are proven later.
      const range = versionRange(tail, size);
      tail = await readVersion(slices, key, { size, range }, pieceSize)(size - needed, size, signal);
      if (tableSizeOf(tail, size) !== tableSize) throw valueChanged(key);
    }
    const table = tableSize === undefined ? undefined : readTable(tail, size);
    const none = new Uint8Array(0);
    if (table === undefined) return { form, size, version: undefined, table, end: none };
    const version = versionIn(tail, size, versionRange(tail, size));
    const isTableWhole = table.compressedSize === size - tableSize!;
    if (isVersionFrame(version.bytes))
      return this.#remember(key, { form, size, version, table, isTableWhole, end: none });
    return { form, size, version: undefined, table, isTableWhole, end: tail.slice(-tableSize!) };
  }

  #recall(key: string): Located | undefined {
    const located = this.#located.get(key);
    if (located !== undefined) {
      this.#located.delete(key);
      this.#located.set(key, located);
    }
    return located;
  }

  #remember(key: string, located: Located): Located {
    const cost = costOf(key, located);
    this.forget(key);
    if (cost > CACHE_SIZE) return located;
    this.#located.set(key, located);
    this.#held += cost;
    for (const oldest of this.#located.keys()) {
      if (this.#held <= CACHE_SIZE) break;
      this.forget(oldest);
    }
    return located;
  }
}

/** The number of bytes that are decoded together. */
function readSizeOf({ pieceSize = RANGE_READ_SIZE }: StoreSettings): number {
  return Math.min(RANGE_READ_SIZE, provenSize(pieceSize));
}

function costOf(key: string, { table }: Located): number {
  return ENTRY_COST + key.length * 2 + (table?.frameCount ?? 0) * FRAME_COST;
}

/** Returns the stream once its first chunk has been read: until then the read of a replaced value can begin again. */
async function begin(stream: ByteStream, key: string): Promise<ByteStream> {
  const reader = stream.getReader();
  const { value } = await reader.read();
  return prepend(reader, value, key);
}

function readPieces(pieces: readonly Extent[], read: ReadPiece, signal: AbortSignal | undefined): ByteStream {
  return createPullStream(async function* each(ended) {
    for (const { start, end } of pieces) yield await read(start, end, ended);
  }, signal);
}

/** The bytes `[start, end)` of a stream. It ends with the last of them, without waiting for what follows. */
function cutStream(stream: ByteStream, start: number, end: number, close: () => void): ByteStream {
  const reader = stream.getReader();
  async function* cut(): ByteGenerator {
    let at = 0;
    while (at < end) {
      const { done, value } = await reader.read();
      if (done) break;
      const part = value.subarray(Math.max(0, start - at), end - at);
      at += value.length;
      if (part.length > 0 && at > start) yield part;
    }
    if (at < start) throw pastEnd(start, at);
  }
  return createPullStream(cut, undefined, () => {
    reader.cancel().catch(() => undefined);
    close();
  });
}

function rangeEnded(): ZstashError {
  return new ZstashError("INTERNAL", "Cannot read on: the range has ended");
}

function pastEnd(start: number, size: number): RangeError {
  return new RangeError(`"start" must not lie past the content of ${size} bytes, got ${start}`);
}
