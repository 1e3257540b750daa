import { concatenate } from "../bytes.ts";
import { ZstashError } from "../errors.ts";
import { reserveContentSize, writeContentSize, CONTENT_SIZE_FIELD } from "../format/content-size.ts";
import { writeStoredFrame } from "../format/stored-frame.ts";
import { emit } from "../metrics/events.ts";
import type { RestCommand } from "../rest/rest-command.ts";
import { anyOf } from "../rest/signals.ts";
import { toTextCarrier } from "../value/carrier.ts";
import { levelOf } from "../value/policy.ts";
import { compressLayout, seekable, type LayoutCount } from "./layout.ts";
import type { PutPlan, StoreContext } from "./options.ts";
import { PieceCutter } from "./piece-cutter.ts";
import { publish, TAIL_SIZE } from "./publish.ts";
import { requireReply, withKey } from "./reply.ts";
import { openSource, type OpenedSource, type ValueSource } from "./source.ts";
import { TEMPORARY_TTL, temporaryKey } from "./temporary-key.ts";
import { Upload } from "./upload.ts";

/** What a `put` has stored. */
export interface PutResult {
  /** Bytes of the value. */
  readonly size: number;
  /** Bytes of what is stored for it. */
  readonly compressedSize: number;
  /** Frames that it was cut into. */
  readonly frames: number;
  /** Bytes of the largest of several frames; 0 for one frame. */
  readonly largestFrame: number;
}

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

/** Counts what passes. */
class Counter {
  size = 0;

  stream(): TransformStream<Uint8Array, Uint8Array> {
    return new TransformStream<Uint8Array, Uint8Array>({
      transform: (chunk, controller) => {
        this.size += chunk?.length ?? 0;
        controller.enqueue(chunk);
      },
    });
  }
}

/** Compresses a source and stores it; null where `ifAbsent` found a value. */
export async function put(
  context: StoreContext,
  key: string,
  source: ValueSource,
  plan: PutPlan,
): Promise<PutResult | null> {
  const opened = openSource(source);
  const ended = new AbortController();
  const signal = anyOf(ended.signal, plan.signal) ?? ended.signal;
  const counter = new Counter();
  const count: LayoutCount = { frames: 0, largestFrame: 0 };
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  const value = new StoredValue(context, key, plan, counter, signal);
  try {
    signal.throwIfAborted();
    const transform = await openCompression(context, key, plan, opened, count);
    reader = opened.stream.pipeThrough(counter.stream()).pipeThrough(transform).getReader();
    // A signal ends the reading too, where the source hangs.
    const stop = (): void => void reader?.cancel(signal.reason).catch(() => undefined);
    signal.addEventListener("abort", stop, { once: true });
    for (;;) {
      const { done, value: chunk } = await reader.read();
      signal.throwIfAborted();
      if (done) break;
      await value.write(chunk);
    }
    const stored = await value.finish(opened.size === undefined && plan.layout.kind === "frame");
    return stored ? { size: counter.size, compressedSize: value.size, ...count } : null;
  } catch (error) {
    reader?.cancel(error).catch(() => undefined);
    if (plan.signal?.aborted !== true) await value.drain(error);
    ended.abort(error);
    if (reader === undefined) opened.stream.cancel(error).catch(() => undefined);
    await value.abandon();
    throw withKey(error, key);
  }
}

/** The compression that the plan asks for; without a codec, frames of raw blocks: a write never fails for it. */
async function openCompression(
  { codec, level, onEvent }: StoreContext,
  key: string,
  plan: PutPlan,
  { size, kind }: OpenedSource,
  count: LayoutCount,
): Promise<TransformStream<Uint8Array, Uint8Array>> {
  const loaded = codec.loaded ?? (await codec.load());
  if (!("error" in loaded)) {
    const chosen = plan.level ?? level ?? levelOf(plan.kind ?? kind ?? "text");
    return compressLayout(loaded, plan.layout, chosen, size, count);
  }
  if (onEvent !== undefined) {
    emit(onEvent, { type: "fallback-raw", command: "PUT", key, size: size ?? 0, error: loaded.error });
  }
  let written = false;
  const write = (chunk: Uint8Array, controller: TransformStreamDefaultController<Uint8Array>): void => {
    written = true;
    controller.enqueue(writeStoredFrame(chunk));
  };
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>({
    transform: write,
    flush: (controller) => (written ? undefined : write(new Uint8Array(0), controller)),
  });
  return { writable, readable: readable.pipeThrough(seekable(count)) };
}

/** Compressed bytes on their way into Redis: in one request while they are few, and in pieces from there on. */
class StoredValue {
  readonly #context: StoreContext;
  readonly #key: string;
  readonly #plan: PutPlan;
  readonly #counter: Counter;
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

  constructor(context: StoreContext, key: string, plan: PutPlan, counter: Counter, signal: AbortSignal) {
    this.#context = context;
    this.#key = key;
    this.#plan = plan;
    this.#counter = counter;
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
  async finish(declareSize: boolean): Promise<boolean> {
    if (this.#chunks !== undefined) return this.#finishSingle(concatenate(this.#chunks), declareSize);
    const last = this.#cutter?.finish();
    if (last !== undefined) await this.#send(last.offset, last.bytes);
    await this.#upload!.finish(this.#counter.size);
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
    const reserved = this.#plan.layout.kind === "frame" ? reserveContentSize(bytes) : undefined;
    if (reserved !== undefined) this.#shift = CONTENT_SIZE_FIELD;
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

  async #finishSingle(compressed: Uint8Array, declareSize: boolean): Promise<boolean> {
    const reserved = declareSize ? reserveContentSize(compressed) : undefined;
    if (reserved !== undefined) {
      writeContentSize(reserved, this.#counter.size);
      this.#shift = CONTENT_SIZE_FIELD;
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
      otherwise: () => ["SET", key, toTextCarrier(bytes), ...expiry],
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
    const { recordLimit } = this.#context;
    if (this.size <= recordLimit) return;
    const key = this.#key;
    const message = `Cannot store ${JSON.stringify(key)}: a value may have ${recordLimit} bytes, got more`;
    throw new ZstashError("RECORD_LIMIT", message, { key });
  }

  #progress(size: number): void {
    this.#sent += size;
    this.#plan.onProgress?.({
      size: this.#counter.size,
      compressedSize: this.size,
      sentSize: this.#sent,
    });
  }
}
