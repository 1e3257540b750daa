/** Makes the response to a request from a source: its status, its headers, and which bytes are its body. */
import { chooseCoding, takesIdentity, type Coding } from "./accept.ts";
import { allowsRange, checkConditions, entityTag, type Validators } from "./conditions.ts";
import { readRange, type ServedRange } from "./ranges.ts";
import { ofSize, type Body } from "./body.ts";
import type { Source } from "./source.ts";

/** What the caller wants of the response. */
export interface Wanted {
  readonly status: number;
  readonly statusText: string | undefined;
  readonly headers: Headers;
  /** What distinguishes versions of the value, instead of what the source knows. */
  readonly etag: string | undefined;
}

/** Headers that a 304 repeats (RFC 9110 §15.4.5); the others describe a body that it does not have. */
const KEPT_IN_304: ReadonlySet<string> = new Set(
  "cache-control content-location date etag expires last-modified vary".split(" "),
);

/**
 * Makes the response. Its body is a stream that errors if the rest cannot be sent, so that it is never taken for
 * complete.
 */
export async function respond(request: Request, source: Source, wanted: Wanted): Promise<Response> {
  const { status } = wanted;
  const headers = new Headers(wanted.headers);
  addVary(headers);
  const accepted = request.headers.get("accept-encoding");
  const validators = (coding: Coding): Validators => ({
    etag: tagFor(wanted.etag ?? source.tag, coding),
    lastModified: headers.get("last-modified"),
  });
  const plain = source.plain && takesIdentity(accepted);
  const chosen = plain ? "identity" : chooseCoding(accepted);
  if (chosen === undefined) return ended(source, 406, headers);

  // Ranges refer to the identity form, for clients that accept it.
  const canRange = status === 200 && source.size !== undefined && takesIdentity(accepted);
  if (canRange) headers.set("accept-ranges", "bytes");
  const asked =
    canRange && request.method === "GET" && allowsRange(request.headers, validators("identity"))
      ? readRange(request.headers.get("range"), source.size)
      : undefined;
  const coding = asked === undefined ? chosen : "identity";
  const own = validators(coding);
  if (own.etag !== undefined) headers.set("etag", own.etag);
  if (status === 200) {
    const instead = checkConditions(request.headers, own);
    if (instead !== undefined) return ended(source, instead, headers);
  }
  if (asked === "unsatisfiable") {
    headers.set("content-range", `bytes */${source.size}`);
    return ended(source, 416, headers);
  }
  return send(request, source, { ...wanted, headers, coding, range: asked });
}

interface Sending extends Wanted {
  readonly coding: Coding;
  readonly range: ServedRange | undefined;
}

async function send(request: Request, source: Source, sending: Sending): Promise<Response> {
  const { headers, coding, range, statusText } = sending;
  const init: ResponseInit & { encodeBody?: "manual" } = { status: sending.status, headers };
  if (statusText !== undefined) init.statusText = statusText;
  let { size } = source;
  if (coding === "zstd") {
    size = source.frame?.size;
    headers.set("content-encoding", "zstd");
    forbidTransform(headers);
    // Workers would compress the body themselves.
    init.encodeBody = "manual";
  } else if (range !== undefined) {
    size = range.end - range.start;
    headers.set("content-range", `bytes ${range.start}-${range.end - 1}/${source.size}`);
    init.status = 206;
    delete init.statusText;
  }
  let body: Body | null = null;
  if (request.method === "HEAD") source.drop();
  else if (coding === "identity") body = await source.content(range);
  else if (source.frame === undefined) body = await source.recompressed();
  else ({ body, size } = await source.frame.open());
  if (size !== undefined) {
    headers.set("content-length", `${size}`);
    if (coding === "identity" && body !== null && !(body instanceof Uint8Array)) body = ofSize(body, size);
  }
  return new Response(body, init);
}

/** A response without a body. */
function ended(source: Source, status: number, headers: Headers): Response {
  source.drop();
  const names = Array.from(headers.keys());
  for (const name of names)
    if (status === 304 ? !KEPT_IN_304.has(name) : name === "content-type") headers.delete(name);
  return new Response(null, { status, headers });
}

function tagFor(tag: string | undefined, coding: Coding): string | undefined {
  return tag === undefined ? undefined : entityTag(tag, coding);
}

function addVary(headers: Headers): void {
  const names = (headers.get("vary") ?? "").split(",").map((name) => name.trim().toLowerCase());
  if (!names.includes("*") && !names.includes("accept-encoding")) headers.append("vary", "Accept-Encoding");
}

/** A proxy that decodes or compresses again would send other bytes under a strong entity tag. */
function forbidTransform(headers: Headers): void {
  const value = headers.get("cache-control");
  if (value === null || !/\bno-transform\b/i.test(value))
    headers.set("cache-control", value === null ? "no-transform" : `${value}, no-transform`);
}
