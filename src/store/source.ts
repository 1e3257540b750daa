/** Opens whatever can be stored as a stream of bytes. */
import { isBytes } from "../bytes.ts";
import { describe } from "../check.ts";
import type { ReadableBytes } from "../streams.ts";
import { utf8Encoder } from "../text.ts";
import type { ValueKind } from "../value/policy.ts";

/** A value to be stored. */
export type ValueSource = Uint8Array | string | Blob | Response | ReadableBytes;

/** A source as a stream, and what is known of it before it is read. */
export interface OpenedSource {
  readonly stream: ReadableStream<Uint8Array>;
  /** Bytes that will come; undefined if nobody knows. */
  readonly size: number | undefined;
  /** By its media type. */
  readonly kind: ValueKind | undefined;
}

/** Bytes that are passed on at a time, so that a large array passes with pauses. */
const CHUNK = 256 << 10;

/**
 * Opens a source. A Response's content-length is not believed: it is that of the encoded body.
 *
 * @throws {TypeError} for anything else, and for a body that has been used
 */
export function openSource(source: ValueSource): OpenedSource {
  if (typeof source === "string") {
    return { ...openBytes(utf8Encoder.encode(source)), kind: "text" };
  }
  if (isBytes(source)) return openBytes(source);
  const tag = Object.prototype.toString.call(source);
  if (tag === "[object Blob]" || tag === "[object File]") {
    const { size, type } = source as Blob;
    return { stream: (source as Blob).stream(), size, kind: kindOf(type) };
  }
  if (tag === "[object Response]") {
    const { body, bodyUsed, headers } = source as Response;
    if (bodyUsed) throw new TypeError('"source" must be a Response whose body has not been read');
    const kind = kindOf(headers.get("content-type") ?? "");
    return body === null
      ? { ...openBytes(new Uint8Array(0)), kind }
      : { stream: body, size: undefined, kind };
  }
  const { getReader, locked } = (source ?? {}) as Partial<ReadableStream<Uint8Array>>;
  if (typeof getReader !== "function") {
    throw new TypeError(
      `"source" must be bytes, a string, a Blob, a Response or a ReadableStream, got ${describe(source)}`,
    );
  }
  if (locked === true) throw new TypeError('"source" must be a ReadableStream that has no reader');
  requireUnread(source as ReadableStream<Uint8Array>);
  return { stream: source as ReadableStream<Uint8Array>, size: undefined, kind: undefined };
}

/** Refuses a stream that somebody has read from: it would be stored as an empty value. A Response takes none (Fetch §5.2). */
function requireUnread(stream: ReadableStream<Uint8Array>): void {
  try {
    void new Response(stream);
  } catch {
    throw new TypeError('"source" must be a ReadableStream that nobody has read from');
  }
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
  return { stream, size: bytes.length, kind: undefined };
}

/** The kind that a media type stands for. */
function kindOf(type: string): ValueKind | undefined {
  const [essence = ""] = type.toLowerCase().split(";");
  if (essence.startsWith("text/")) return "text";
  if (/[/+]json$/.test(essence.trim())) return "json";
  if (/protobuf/.test(essence)) return "protobuf";
  return essence.trim() === "" ? undefined : "binary";
}
