/** Chooses the content coding of a response by `Accept-Encoding` (RFC 9110 §12.5.3). */

/** A content coding of a response. */
export type Coding = "zstd" | "identity";

/** `token`, and its weight: 0 to 1 with at most three digits. Spaces may stand around the semicolon. */
const MEMBER = /^([!#$%&'*+.^_`|~0-9a-z-]+)(?:\s*;\s*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?))?$/i;

/** The weight of identity if nothing names it: acceptable, but less than anything that is named. */
const LEAST = 0.0005;

/**
 * The coding to answer with: zstd if the client weighs it at least as much as identity; undefined if it accepts
 * neither. A client that does not say what it accepts gets identity. A malformed member is ignored: it can only take
 * away the client's own choice.
 */
export function chooseCoding(header: string | null): Coding | undefined {
  const { zstd, identity } = weightsOf(header);
  if (zstd > 0 && zstd >= identity) return "zstd";
  return identity > 0 ? "identity" : undefined;
}

/** Returns true if the client accepts identity at all. */
export function takesIdentity(header: string | null): boolean {
  return weightsOf(header).identity > 0;
}

function weightsOf(header: string | null): Readonly<Record<Coding, number>> {
  const named = new Map<string, number>();
  for (const part of (header ?? "").split(",")) {
    const [, coding, weight = "1"] = MEMBER.exec(part.trim()) ?? [];
    // The first one counts: naming a coding twice is a fault of the client.
    if (coding !== undefined && !named.has(coding.toLowerCase()))
      named.set(coding.toLowerCase(), Number(weight));
  }
  const any = named.get("*");
  return {
    zstd: named.get("zstd") ?? any ?? 0,
    identity: named.get("identity") ?? (any === 0 ? 0 : LEAST),
  };
}
