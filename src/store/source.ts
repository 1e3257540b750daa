/** Opens anything that can be stored as a stream of bytes that nobody else can change. */
import { describe } from "../check.ts";
import type { Pacing } from "../codec/pacing.ts";
import type { ByteStream, ReadableBytes } from "../streams.ts";
import { slicesOf, utf8Encoder, utf8Length } from "../text.ts";
import { macrotask } from "../timers.ts";
import type { ValueKind } from "../value/policy.ts";

/**
 * A value to be stored. A string is encoded as it is read. Bytes of a view or a buffer are copied before `put`
 * returns, so a program may use them again at once; chunks of a stream or an iterable are copied when they are taken.
 */
export type ValueSource =
  | string
  | ArrayBufferLike
  | ArrayBufferView
  | Blob
  | Response
  | ReadableBytes
  | AsyncIterable<ArrayBufferView | ArrayBufferLike>;

/** A source as a stream, and what is known about it before it is read. */
export interface OpenedSource {
  /** Its chunks are copies. */
  readonly stream: ReadableStream<Uint8Array>;
  /** The size in bytes: the stream errors if it yields another number. Undefined if unknown. */
  readonly size: number | undefined;
  /** Determines the size, if that takes long; the stream is not read before. */
  measure?(): Promise<number>;
  /** The kind, from its media type. */
  readonly kind: ValueKind | undefined;
  /** "network" if all of it is in memory: then only the upload sets its speed. */
  readonly pacing?: Pacing;
}

/** Bytes that are passed on at a time, so that a large array is passed on with pauses. */
const CHUNK = 256 << 10;

/** Characters that are measured in one turn: about 1 ms. */
const MEASURED = 2 << 20;

/** Yields chunks, one at a time. */
interface Chunks {
  /** The next chunk; undefined at the end. */
  next(): Promise<unknown>;
  cancel(reason: unknown): unknown;
}

/**
 * Opens a source. A Response's content-length is ignored: it is the length of the encoded body, and pages do not see
 * the content-encoding of another origin (Fetch §3.2.4).
 *
 * @throws {TypeError} for anything that is not a source, for a body that was used, and for a Response that is not ok
 */
export function openSource(source: ValueSource): OpenedSource {
  if (typeof source === "string") return openText(source);
  const bytes = copyBytes(source);
  if (bytes !== undefined) return openBytes(bytes);
  switch (tagOf(source)) {
    case "Blob":
    case "File": {
      const { size, type } = source as Blob;
      return { stream: streamOf(readerOf((source as Blob).stream()), size), size, kind: kindOf(type) };
    }
    case "Response":
      return openResponse(source as Response);
    default:
      return { stream: streamOf(chunksOf(source)), size: undefined, kind: undefined };
  }
}

function openResponse({ ok, status, body, bodyUsed, headers }: Response): OpenedSource {
  if (!ok) {
    throw new TypeError(
      `"source" must be a Response that is ok, got the status ${status}: put its body to store it all the same`,
    );
  }
  if (bodyUsed) throw new TypeError('"source" must be a Response whose body has not been read');
  const kind = kindOf(headers.get("content-type") ?? "");
  if (body === null) return { ...openBytes(new Uint8Array(0)), kind };
  return { stream: streamOf(chunksOf(body)), size: undefined, kind };
}

/** The chunks of a stream or of an iterable. */
function chunksOf(source: unknown): Chunks {
  const { getReader, locked, readableDidRead, destroyed } = (source ?? {}) as {
    readonly getReader?: unknown;
    readonly locked?: unknown;
    readonly readableDidRead?: unknown;
    readonly destroyed?: unknown;
  };
  if (typeof getReader === "function") {
    if (locked === true) throw new TypeError('"source" must be a ReadableStream that has no reader');
    return readerOf(requireUnread(source as ReadableStream<Uint8Array>));
  }
  const iterate = (source as Partial<AsyncIterable<unknown>> | null)?.[Symbol.asyncIterator];
  if (typeof iterate !== "function") throw wrongSource(source);
  // Node's streams are iterables too; one that was partly read would be stored incompletely.
  if (readableDidRead === true || destroyed === true) {
    throw new TypeError('"source" must be a stream that nobody has read from or destroyed');
  }
  let iterator: AsyncIterator<unknown> | undefined;
  return {
    async next() {
      iterator ??= iterate.call(source) as AsyncIterator<unknown>;
      const result: unknown = await (iterator as Partial<typeof iterator> | null)?.next?.();
      if (typeof result !== "object" || result === null) throw wrongIterator(result);
      const { done, value } = result as IteratorResult<unknown>;
      return done === true ? undefined : (value ?? null);
    },
    cancel(reason) {
      // Destroying ends a pending read; a generator's `return` would wait for it.
      const { destroy } = source as { destroy?: (error?: unknown) => unknown };
      if (typeof destroy === "function") return destroy.call(source);
      iterator ??= iterate.call(source) as AsyncIterator<unknown>;
      return (iterator as Partial<typeof iterator> | null)?.return?.(reason);
    },
  };
}

function readerOf(stream: ReadableStream<Uint8Array>): Chunks {
  const reader = stream.getReader();
  return {
    async next() {
      const { done, value } = await reader.read();
      return done ? undefined : ((value as unknown) ?? null);
    },
    cancel: (reason) => reader.cancel(reason),
  };
}

/**
 * Refuses a stream that somebody has read from: it would be stored as an empty value. A Response accepts none (Fetch
 * §5.2); Responses of Bun before 1.4.3 lock a Blob's stream for good, and return it as their body.
 */
function requireUnread(stream: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  if (tagOf(stream) !== "ReadableStream") return stream;
  let body: ReadableStream<Uint8Array> | null;
  try {
    ({ body } = new Response(stream));
  } catch {
    throw new TypeError('"source" must be a ReadableStream that nobody has read from');
  }
  return stream.locked && body !== null ? body : stream;
}

/** A stream of copies of chunks. It errors if it does not have `size` bytes, if a size is given. */
function streamOf(chunks: Chunks, size?: number): ByteStream {
  let read = 0;
  let ended = false;
  const end = (reason: unknown): void => {
    if (ended) return;
    ended = true;
    // A source that fails or hangs when it is abandoned changes nothing.
    try {
      Promise.resolve(chunks.cancel(reason)).catch(() => undefined);
    } catch {}
  };
  const stream = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const chunk = await chunks.next();
          if (ended) return;
          if (chunk === undefined) {
            if (size !== undefined && read !== size) throw wrongSize(size, `${read}`);
            ended = true;
            return controller.close();
          }
          const bytes = copyBytes(chunk);
          if (bytes === undefined) throw wrongChunk(chunk);
          read += bytes.length;
          if (size !== undefined && read > size) throw wrongSize(size, "more");
          // An empty chunk is passed on too: otherwise nothing would ask for the next one.
          controller.enqueue(bytes);
        } catch (error) {
          end(error);
          throw error;
        }
      },
      cancel: end,
    },
    { highWaterMark: 0 },
  );
  return stream as unknown as ByteStream;
}

/** A string, which cannot change: it is measured and encoded as it is read. */
function openText(text: string): OpenedSource {
  if (text.length <= CHUNK) return { ...openBytes(utf8Encoder.encode(text)), kind: "text" };
  const slices = slicesOf(text, CHUNK);
  const stream = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const { done, value } = slices.next();
        if (done === true) controller.close();
        else controller.enqueue(utf8Encoder.encode(value));
      },
    },
    { highWaterMark: 0 },
  );
  return { stream, size: undefined, measure: () => measureText(text), kind: "text", pacing: "network" };
}

/** Counts the bytes of a text in UTF-8: 20 million characters at once would block the event loop for 10 ms. */
async function measureText(text: string): Promise<number> {
  let size = 0;
  for (const slice of slicesOf(text, MEASURED)) {
    if (size > 0) await macrotask();
    size += utf8Length(slice);
  }
  return size;
}

function openBytes(bytes: Uint8Array): OpenedSource {
  let at = 0;
  const stream = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (at < bytes.length) controller.enqueue(bytes.subarray(at, (at += CHUNK)));
        if (at >= bytes.length) controller.close();
      },
    },
    { highWaterMark: 0 },
  );
  return { stream, size: bytes.length, kind: undefined, pacing: "network" };
}

/**
 * Copies the bytes of a view or of a buffer, of any realm; undefined for anything else.
 *
 * @throws {TypeError} for a detached buffer, or one that has become too short for the view
 */
function copyBytes(value: unknown): Uint8Array<ArrayBuffer> | undefined {
  let bytes: Uint8Array;
  try {
    if (ArrayBuffer.isView(value)) {
      // Throws if the buffer has become too short for the view, whose length is then 0.
      if (tagOf(value) !== "DataView") Uint8Array.prototype.slice.call(value as Uint8Array, 0, 0);
      bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    } else {
      const tag = tagOf(value);
      if (tag !== "ArrayBuffer" && tag !== "SharedArrayBuffer") return undefined;
      bytes = new Uint8Array(value as ArrayBufferLike);
    }
  } catch (cause) {
    throw new TypeError('"source" must not have a buffer that was transferred or shrunk', { cause });
  }
  const copy = new Uint8Array(bytes.length);
  copy.set(bytes);
  return copy;
}

/**
 * The class name of a platform's object, of any realm. Workers with a compatibility date before 2024-09-26 say
 * "Object".
 */
function tagOf(value: unknown): string {
  const tag = Object.prototype.toString.call(value).slice(8, -1);
  return tag === "Object" ? ((value as object).constructor?.name ?? tag) : tag;
}

function wrongSource(source: unknown): TypeError {
  const isObject = typeof source === "object" && source !== null;
  const hint = Array.isArray(source)
    ? ": make bytes of it, Uint8Array.from(source), or text, JSON.stringify(source)"
    : isObject && ["Object", "Map", "Set"].includes(describe(source))
      ? ": make text of it, JSON.stringify(source)"
      : "";
  return new TypeError(
    '"source" must be a string, bytes, a Blob, a Response, a stream or an async iterable of bytes, ' +
      `got ${describe(source)}${hint}`,
  );
}

function wrongIterator(result: unknown): TypeError {
  return new TypeError(
    `"source" must have an iterator whose next() gives an object, got ${describe(result)}`,
  );
}

function wrongChunk(chunk: unknown): TypeError {
  const hint = typeof chunk === "string" ? ": pipe it through a TextEncoderStream" : "";
  return new TypeError(`"source" must give bytes, got ${describe(chunk)}${hint}`);
}

function wrongSize(size: number, got: string): RangeError {
  return new RangeError(`"source" said ${size} bytes, got ${got}: it was changed while it was stored`);
}

/** The kind of values with this media type. */
function kindOf(type: string): ValueKind | undefined {
  const [essence = ""] = type.toLowerCase().split(";");
  if (essence.startsWith("text/")) return "text";
  if (/[/+]json$/.test(essence.trim())) return "json";
  if (/protobuf/.test(essence)) return "protobuf";
  return essence.trim() === "" ? undefined : "binary";
}
