/** Entity tags, and the conditions of a request that depend on them and on dates (RFC 9110 §8.8 and §13). */
import { requireString } from "../check.ts";
import type { Coding } from "./accept.ts";

/** The validators of a response. */
export interface Validators {
  /** A strong entity tag, with its quotes. */
  readonly etag: string | undefined;
  /** The value of `Last-Modified`. */
  readonly lastModified: string | null;
}

/** `etagc` (RFC 9110 §8.8.3): visible ASCII except the quote, and bytes above it. */
const OPAQUE = /^[!#-~\x80-\xff]*$/;
const TAG = /(?:W\/)?"[!#-~\x80-\xff]*"/g;

/**
 * The entity tag of a value in a coding: each coding has its own tag, because the bytes differ.
 *
 * @param tag What distinguishes versions of the value, with or without quotes.
 * @throws {TypeError} for characters that a strong entity tag cannot contain
 */
export function entityTag(tag: string, coding: Coding): string {
  const opaque = /^"(.*)"$/s.exec(tag)?.[1] ?? tag;
  if (!OPAQUE.test(opaque) || opaque.startsWith("W/"))
    throw new TypeError('"etag" must be a strong entity tag: visible ASCII without quotes inside');
  return `"${opaque}${coding === "zstd" ? "-zstd" : ""}"`;
}

/** Throws a TypeError unless the option is a string from which an entity tag can be made. */
export function requireTag(etag: unknown): void {
  if (etag === undefined) return;
  requireString("etag", etag);
  entityTag(etag, "identity");
}

/**
 * The status that the conditions of a request lead to: 304 or 412 instead of the response, undefined for the response
 * itself. The order of checks is that of RFC 9110 §13.2.2.
 */
export function checkConditions(headers: Headers, { etag, lastModified }: Validators): 304 | 412 | undefined {
  const ifMatch = headers.get("if-match");
  if (ifMatch !== null) {
    if (ifMatch.trim() !== "*" && !(etag !== undefined && tagsOf(ifMatch).includes(etag))) return 412;
  } else {
    const since = dateOf(headers.get("if-unmodified-since"));
    const modified = dateOf(lastModified);
    if (since !== undefined && modified !== undefined && modified > since) return 412;
  }
  const ifNoneMatch = headers.get("if-none-match");
  if (ifNoneMatch !== null) {
    if (ifNoneMatch.trim() === "*") return 304;
    // A weak comparison: a proxy that compresses makes tags weak.
    return etag !== undefined && tagsOf(ifNoneMatch).some((tag) => tag.replace(/^W\//, "") === etag)
      ? 304
      : undefined;
  }
  const since = dateOf(headers.get("if-modified-since"));
  const modified = dateOf(lastModified);
  return since !== undefined && modified !== undefined && modified <= since ? 304 : undefined;
}

/**
 * Returns true if a range may be answered: there is no `If-Range`, or it names exactly this version (a strong
 * comparison).
 */
export function allowsRange(headers: Headers, { etag, lastModified }: Validators): boolean {
  const ifRange = headers.get("if-range")?.trim();
  if (ifRange === undefined) return true;
  if (ifRange.startsWith('"')) return ifRange === etag;
  const modified = dateOf(lastModified);
  return modified !== undefined && dateOf(ifRange) === modified;
}

function tagsOf(header: string): readonly string[] {
  return header.match(TAG) ?? [];
}

/** Milliseconds of an HTTP date; undefined if there is none, or if it is not a date. */
function dateOf(text: string | null): number | undefined {
  const time = text === null ? Number.NaN : Date.parse(text);
  return Number.isNaN(time) ? undefined : time;
}
