/** Sends a compressed value to Redis: a small one in one request, a larger one in pieces. */
import { concatenate } from "../bytes.ts";
import { ZstashError } from "../errors.ts";
import {
  CONTENT_SIZE_FIELD,
  reserveContentSize,
  writeContentSize,
  type ReservedHeader,
} from "../format/content-size.ts";
import type { RestCommand } from "../rest/rest-command.ts";
import { delay } from "../timers.ts";
import { formOf } from "../value/form.ts";
import { setIfAbsent, textOf } from "./if-absent.ts";
import type { PutSettings, StoreSettings } from "./options.ts";
import { PieceCutter } from "./piece-cutter.ts";
import { publish } from "./publish.ts";
import { cannotStore, requireNumber, requireReply } from "./reply.ts";
import { report } from "./report.ts";
import { TAIL_SIZE } from "./slice.ts";
import { TEMPORARY_TTL, temporaryKey } from "./temporary-key.ts";
import { Upload } from "./upload.ts";

/**
 * Values of at most this many compressed bytes are one SET, unless a piece size is set. In pieces they would take
 * four round trips instead of one: 1 MiB over 100 Mbit/s and 20 ms takes 355 ms in pieces and 181 ms at once.
 */
const SINGLE_MAX = 2 << 20;
/** Bytes of the first piece, which is sent last, because it contains the header. */
const FIRST_PIECE = 64 << 10;
const DEFAULT_CONCURRENCY = 6;
/** Milliseconds for removing a temporary key after a failure. */
const CLEANUP_TIMEOUT = 5_000;
/** Milliseconds within which abandoned pieces arrive, if they ever do. */
const LATE_PIECES = 60_000;

/** Bytes of the source: read so far, and in all if that is known. */
export interface UploadSource {
  readonly size: number;
  readonly totalSize: number | undefined;
}

/** The upload of one value. `write` takes its compressed bytes; `finish` or `abandon` ends it. */
export class ValueUpload {
  readonly #settings: StoreSettings;
  readonly #key: string;
  readonly #putSettings: PutSettings;
  readonly #source: UploadSource;
  readonly #signal: AbortSignal;
  #temporaryKey: string | undefined;
  /** Everything compressed so far, while it may still be one request. */
  #chunks: Uint8Array[] | undefined = [];
  #cutter: PieceCutter | undefined;
  #upload: Upload | undefined;
  /** The bytes by which the header has grown. */
  #shift = 0;
  /** The last bytes of a value that is sent in pieces. */
  #tail: Uint8Array = new Uint8Array(0);
  #compressed = 0;
  #sent = 0;
  /** True if the temporary key may exist without an upload in pieces. */
  #created = false;

  constructor(
    settings: StoreSettings,
    key: string,
    putSettings: PutSettings,
    source: UploadSource,
    signal: AbortSignal,
  ) {
    this.#settings = settings;
    this.#key = key;
    this.#putSettings = putSettings;
    this.#source = source;
    this.#signal = signal;
  }

  /** The stored size of the value in bytes. */
  get size(): number {
    return this.#compressed + this.#shift;
  }

  /** Made when it is first needed: most values are one SET. */
  get #temporary(): string {
    this.#temporaryKey ??= temporaryKey(this.#key);
    return this.#temporaryKey;
  }

  /** Takes the next bytes. Returns false if `ifAbsent` found a value, and no more are needed. */
  async write(chunk: Uint8Array): Promise<boolean> {
    this.#compressed += chunk.length;
    this.#requireRoom();
    if (this.#chunks === undefined) {
      await this.#cut(chunk);
      return true;
    }
    this.#chunks.push(chunk);
    if (this.#compressed <= (this.#settings.pieceSize ?? SINGLE_MAX)) return true;
    if (this.#putSettings.ifAbsent && (await this.#exists())) return false;
    const chunks = this.#chunks;
    this.#chunks = undefined;
    for (const one of chunks) await this.#cut(one);
    return true;
  }

  /** Sends the rest and gives the value its key. Returns false if `ifAbsent` found a value. */
  async finish(): Promise<boolean> {
    if (this.#chunks !== undefined) return this.#finishSingle(concatenate(this.#chunks));
    const last = this.#cutter?.finish();
    if (last !== undefined) await this.#send(last.offset, last.bytes);
    await this.#upload!.finish(this.#source.size);
    if (this.#upload!.appending) this.#shift = 0;
    return this.#publish();
  }

  /** Waits for the pieces on their way, unless a request was lost: a server that answers ends them soon. */
  async drain(failure: unknown): Promise<void> {
    const answered = failure instanceof ZstashError && failure.effect !== "unknown";
    if (this.#upload === undefined || !answered) return;
    const settled = new AbortController();
    const late = delay(CLEANUP_TIMEOUT, settled.signal).catch(() => undefined);
    await Promise.race([this.#upload.settle(), late]);
    settled.abort();
  }

  /** Removes what a failed upload has left in Redis, or lets it expire soon. */
  async abandon(): Promise<void> {
    if (!this.#created && this.#upload === undefined) return;
    const mayArrive = (await this.#upload?.settle()) ?? false;
    await this.#cleanUp(mayArrive);
  }

  /**
   * Removes the temporary key. A piece that may still arrive would recreate it without an expiry, so then an empty
   * key remains for it.
   */
  async #cleanUp(mayArrive: boolean): Promise<void> {
    const name = this.#temporary;
    const remove: RestCommand = mayArrive ? ["SET", name, "", "PX", LATE_PIECES] : ["DEL", name];
    const giveUp = new AbortController();
    const done = new AbortController();
    delay(CLEANUP_TIMEOUT, done.signal).then(
      () => giveUp.abort(),
      () => undefined,
    );
    // If this fails, the key's time to live removes it.
    await this.#settings.client.command(remove, { signal: giveUp.signal }).catch(() => undefined);
    done.abort();
  }

  async #cut(chunk: Uint8Array): Promise<void> {
    this.#tail = concatenate([this.#tail, chunk.subarray(-TAIL_SIZE)]).subarray(-TAIL_SIZE);
    const { pieceSize } = this.#settings;
    this.#cutter ??= new PieceCutter({
      fixed: pieceSize,
      first: Math.min(FIRST_PIECE, pieceSize ?? FIRST_PIECE),
    });
    for (const { offset, bytes } of this.#cutter.push(chunk)) await this.#send(offset, bytes);
  }

  async #send(offset: number, bytes: Uint8Array): Promise<void> {
    if (this.#upload !== undefined) return this.#upload.send({ offset: offset + this.#shift, bytes });
    const { client, concurrency = DEFAULT_CONCURRENCY, renewal } = this.#settings;
    const reserved = this.#reserve(bytes);
    this.#upload = new Upload(
      client,
      { bytes: reserved?.bytes ?? bytes, reserved },
      {
        key: this.#key,
        temporary: this.#temporary,
        concurrency,
        signal: this.#signal,
        renewal,
        onSent: (size) => this.#progress(size),
      },
    );
  }

  /** Adds a field for the content size to the header of a single frame that does not declare it. */
  #reserve(head: Uint8Array): ReservedHeader | undefined {
    const frames = this.#putSettings.layout.kind === "frame" && formOf(head) === "frames";
    const reserved = frames ? reserveContentSize(head) : undefined;
    if (reserved !== undefined) this.#shift = CONTENT_SIZE_FIELD;
    return reserved;
  }

  async #finishSingle(compressed: Uint8Array): Promise<boolean> {
    const reserved = this.#reserve(compressed);
    if (reserved !== undefined) {
      writeContentSize(reserved, this.#source.size);
      this.#requireRoom();
    }
    const bytes = reserved?.bytes ?? compressed;
    this.#tail = bytes.subarray(-TAIL_SIZE);
    const { ttl, ifAbsent } = this.#putSettings;
    if (!ifAbsent) {
      await this.#set(this.#key, bytes, ttl);
      this.#progress(bytes.length);
      return true;
    }
    const storedSize = await setIfAbsent(this.#settings.client, {
      key: this.#key,
      bytes,
      ttl,
      oneFrame: this.#putSettings.layout.kind === "frame",
      signal: this.#signal,
    });
    if (storedSize === null) return false;
    if (storedSize !== undefined) {
      this.#compressed = storedSize - this.#shift;
      this.#progress(storedSize);
      return true;
    }
    // A request that carries bytes takes only options with values, and NX has none.
    if (await this.#exists()) return false;
    this.#created = true;
    await this.#set(this.#temporary, bytes, TEMPORARY_TTL);
    this.#progress(bytes.length);
    return this.#publish();
  }

  async #set(key: string, bytes: Uint8Array, ttl: number | undefined): Promise<void> {
    const expiry = ttl === undefined ? [] : ["PX", ttl];
    const reply = await this.#settings.client.command(["SET", key, bytes, ...expiry], {
      signal: this.#signal,
      asText: () => ["SET", key, textOf(bytes), ...expiry],
    });
    requireReply(reply, "store", this.#key);
  }

  async #exists(): Promise<boolean> {
    const reply = await this.#settings.client.command(["EXISTS", this.#key], { signal: this.#signal });
    return requireNumber(reply, "store", this.#key) > 0;
  }

  async #publish(): Promise<boolean> {
    const { client, slices } = this.#settings;
    const { ttl, ifAbsent } = this.#putSettings;
    const published = await publish(client, slices, {
      key: this.#key,
      temporary: this.#temporary,
      size: this.size,
      tail: this.#tail,
      ttl,
      ifAbsent,
      signal: this.#signal,
    });
    if (!published) await this.abandon();
    else if (this.#upload?.lost === true) await this.#cleanUp(true);
    return published;
  }

  #requireRoom(): void {
    const { maxRecordSize } = this.#settings;
    if (this.size <= maxRecordSize) return;
    throw cannotStore(this.#key, `a value may have ${maxRecordSize} bytes, got more`, "RECORD_LIMIT");
  }

  #progress(size: number): void {
    this.#sent += size;
    const { onProgress } = this.#putSettings;
    const { size: read, totalSize } = this.#source;
    report(onProgress, { size: read, totalSize, storedSize: this.size, sentSize: this.#sent });
  }
}
