/** Byte ranges of a request, against a representation of known size (RFC 9110 §14). */

/** Bytes `[start, end)`. */
export interface ServedRange {
  readonly start: number;
  readonly end: number;
}

/** No reader asks for more ranges than this: then the whole content is sent. */
const MAX_RANGES = 16;

/**
 * The range to answer with: the requested one, or several as one if they touch or overlap. "unsatisfiable" if none of
 * them has a byte in the content. Undefined sends the whole content: there is no `Range`, it is malformed, its unit
 * is not bytes, or it has several separate ranges; for these the whole is allowed, and no reader needs
 * `multipart/byteranges`.
 */
export function readRange(header: string | null, size: number): ServedRange | "unsatisfiable" | undefined {
  const list = /^bytes=(.*)$/is.exec(header?.trim() ?? "")?.[1];
  if (list === undefined) return undefined;
  const parts = list.split(",").map((part) => part.trim());
  if (parts.length > MAX_RANGES) return undefined;
  const found: ServedRange[] = [];
  for (const part of parts) {
    const [, first, last] = /^(\d*)-(\d*)$/.exec(part) ?? [];
    if (first === undefined || last === undefined || (first === "" && last === "")) return undefined;
    const start = first === "" ? Math.max(0, size - Number(last)) : Number(first);
    if (first !== "" && last !== "" && Number(last) < start) return undefined;
    const end = first === "" || last === "" ? size : Math.min(size, Number(last) + 1);
    if (start < end) found.push({ start, end });
  }
  const [one, ...others] = found.toSorted((a, b) => a.start - b.start);
  if (one === undefined) return "unsatisfiable";
  let { end } = one;
  for (const next of others) {
    if (next.start > end) return undefined;
    end = Math.max(end, next.end);
  }
  return { start: one.start, end };
}
