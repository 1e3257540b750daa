import { concatenate } from "../bytes.ts";
import { ZstashError } from "../errors.ts";
import {
  CONTENT_SIZE_FIELD,
  reserveContentSize,
  writeContentSize,
  type ReservedHeader,
} from "../format/content-size.ts";
import type { RestCommand } from "../rest/rest-command.ts";
import { toTextCarrier } from "../value/carrier.ts";
import type { PutPlan, StoreContext } from "./options.ts";
import { PieceCutter } from "./piece-cutter.ts";
import { publish, TAIL_SIZE } from "./publish.ts";
import { requireReply } from "./reply.ts";
import { TEMPORARY_TTL, temporaryKey } from "./temporary-key.ts";
import { Upload } from "./upload.ts";

/**
 * A value up to this many compressed bytes is one SET, where no other size of pieces is asked for. In pieces it would
 * take four round trips instead of one: 1 MiB over 100 Mbit and 20 ms takes 355 ms in pieces and 181 ms at once.
 */
const SINGLE_MAX = 2 << 20;
/** Bytes that are sent last, because the header is in them. */
const FIRST_PIECE = 64 << 10;
const DEFAULT_CONCURRENCY = 6;
/** Milliseconds for the removal of a temporary key after a failure. */
const CLEANUP_TIMEOUT = 5_000;
/** Milliseconds within which pieces that were given up arrive if they ever do. */
const LATE_PIECES = 60_000;

/** Compressed bytes on their way into Redis: in one request while they are few, and in pieces from there on. */
export class ValueUpload {
  readonly #context: StoreContext;
  readonly #key: string;
  readonly #plan: PutPlan;
  readonly #source: { readonly size: number };
  readonly #signal: AbortSignal;
  readonly #temporary: string;
  /** What was compressed while it may still be one request. */
  #chunks: Uint8Array[] | undefined = [];
  #cutter: PieceCutter | undefined;
  #upload: Upload | undefined;
  /** Bytes that the header has grown by. */
  #shift = 0;
  #tail: Uint8Array = new Uint8Array(0);
  #compressed = 0;
  #sent = 0;
  /** Whether the temporary key may exist without an upload. */
  #created = false;

  constructor(
    context: StoreContext,
    key: string,
    plan: PutPlan,
    source: { readonly size: number },
    signal: AbortSignal,
  ) {
    this.#context = context;
    this.#key = key;
    this.#plan = plan;
    this.#source = source;
    this.#signal = signal;
    this.#temporary = temporaryKey(key);
  }

  /** Bytes of what is stored. */
  get size(): number {
    return this.#compressed + this.#shift;
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#compressed += chunk.length;
    this.#requireRoom();
    this.#tail = concatenate([this.#tail, chunk.subarray(-TAIL_SIZE)]).subarray(-TAIL_SIZE);
    if (this.#chunks === undefined) return this.#cut(chunk);
    this.#chunks.push(chunk);
    if (this.#compressed <= (this.#context.pieceSize ?? SINGLE_MAX)) return;
    const chunks = this.#chunks;
    this.#chunks = undefined;
    for (const one of chunks) await this.#cut(one);
  }

  /** Sends the rest and gives the value its key; false where `ifAbsent` found one. */
  async finish(): Promise<boolean> {
    if (this.#chunks !== undefined) return this.#finishSingle(concatenate(this.#chunks));
    const last = this.#cutter?.finish();
    if (last !== undefined) await this.#send(last.offset, last.bytes);
    await this.#upload!.finish(this.#source.size);
    if (this.#upload!.appending) this.#shift = 0;
    return this.#publish();
  }

  /** Waits for the pieces that are on their way after a failure that a server told: it answers, so they end soon. */
  async drain(failure: unknown): Promise<void> {
    if (this.#upload === undefined || !(failure instanceof ZstashError) || failure.key === undefined) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLEANUP_TIMEOUT);
    });
    await Promise.race([this.#upload.settle(), late]);
    clearTimeout(timer);
  }

  /** Removes what is left in Redis of a value that failed, or lets it end soon. */
  async abandon(): Promise<void> {
    if (!this.#created && this.#upload === undefined) return;
    const mayCome = (await this.#upload?.settle()) ?? false;
    // Without XX: a key that was evicted and came back with a piece has no end.
    await this.#cleanUp(mayCome ? ["PEXPIRE", this.#temporary, LATE_PIECES] : ["DEL", this.#temporary]);
  }

  async #cleanUp(remove: RestCommand): Promise<void> {
    const giveUp = new AbortController();
    const timer = setTimeout(() => giveUp.abort(), CLEANUP_TIMEOUT);
    // What does not work now, the temporary key's own end of life does.
    await this.#context.client.command(remove, { signal: giveUp.signal }).catch(() => undefined);
    clearTimeout(timer);
  }

  async #cut(chunk: Uint8Array): Promise<void> {
    const { pieceSize } = this.#context;
    this.#cutter ??= new PieceCutter({
      fixed: pieceSize,
      first: Math.min(FIRST_PIECE, pieceSize ?? FIRST_PIECE),
    });
    for (const { offset, bytes } of this.#cutter.push(chunk)) await this.#send(offset, bytes);
  }

  async #send(offset: number, bytes: Uint8Array): Promise<void> {
    if (this.#upload !== undefined) return this.#upload.send({ offset: offset + this.#shift, bytes });
    const { client, concurrency = DEFAULT_CONCURRENCY } = this.#context;
    const reserved = this.#reserve(bytes);
    this.#upload = new Upload(
      client,
      { bytes: reserved?.bytes ?? bytes, reserved },
      {
        key: this.#key,
        temporary: this.#temporary,
        concurrency,
        signal: this.#signal,
        onSent: (size) => this.#progress(size),
      },
    );
  }

  /** Room for the content size in a single frame whose header does not declare it. */
  #reserve(head: Uint8Array): ReservedHeader | undefined {
    const reserved = this.#plan.layout.kind === "frame" ? reserveContentSize(head) : undefined;
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
    const { ttl, ifAbsent } = this.#plan;
    if (!ifAbsent) {
      await this.#set(this.#key, bytes, ttl);
      this.#progress(bytes.length);
      return true;
    }
    this.#created = true;
    await this.#set(this.#temporary, bytes, TEMPORARY_TTL);
    this.#progress(bytes.length);
    return this.#publish();
  }

  async #set(key: string, bytes: Uint8Array, ttl: number | undefined): Promise<void> {
    const expiry = ttl === undefined ? [] : ["PX", ttl];
    const reply = await this.#context.client.command(["SET", key, bytes, ...expiry], {
      signal: this.#signal,
      asText: () => ["SET", key, toTextCarrier(bytes), ...expiry],
    });
    requireReply(reply, "store", this.#key);
  }

  async #publish(): Promise<boolean> {
    const { client, slices } = this.#context;
    const { ttl, ifAbsent } = this.#plan;
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
    // A piece that comes once more finds a key with an end.
    else if (this.#upload?.lost === true)
      await this.#cleanUp(["SET", this.#temporary, "", "PX", LATE_PIECES]);
    return published;
  }

  #requireRoom(): void {
    const { maxRecordSize } = this.#context;
    if (this.size <= maxRecordSize) return;
    const key = this.#key;
    const message = `Cannot store ${JSON.stringify(key)}: a value may have ${maxRecordSize} bytes, got more`;
    throw new ZstashError("RECORD_LIMIT", message, { key });
  }

  #progress(size: number): void {
    this.#sent += size;
    this.#plan.onProgress?.({
      size: this.#source.size,
      compressedSize: this.size,
      sentSize: this.#sent,
    });
  }
}
