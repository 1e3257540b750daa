import { isBytes } from "../bytes.ts";
import { describe } from "../check.ts";
import type { ReadableBytes } from "../streams.ts";
import type { ValueKind } from "../value/policy.ts";

/** What can be stored. */
export type ValueSource = Uint8Array | string | Blob | Response | ReadableBytes;

/** A source as a stream, and what is known of it before it is read. */
export interface OpenedSource {
  readonly stream: ReadableStream<Uint8Array>;
  /** Bytes there will be; undefined where nobody knows. */
  readonly size: number | undefined;
  /** From its media type. */
  readonly kind: ValueKind | undefined;
}

/** Bytes that are handed on at a time, so that a large array passes with pauses. */
const CHUNK = 256 << 10;

/**
 * Opens a source. A Response's length is what its server says of the encoded body, so it is not believed.
 *
 * @throws {TypeError} for anything else, and for a body that is used already
 */
export function openSource(source: ValueSource): OpenedSource {
  if (typeof source === "string") {
    return { ...openBytes(new TextEncoder().encode(source)), kind: "text" };
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

/** A stream that somebody has read from would be stored as an empty value; a Response takes none (Fetch §5.2). */
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

/** What a media type says of a value. */
function kindOf(type: string): ValueKind | undefined {
  const [essence = ""] = type.toLowerCase().split(";");
  if (essence.startsWith("text/")) return "text";
  if (/[/+]json$/.test(essence.trim())) return "json";
  if (/protobuf/.test(essence)) return "protobuf";
  return essence.trim() === "" ? undefined : "binary";
}
