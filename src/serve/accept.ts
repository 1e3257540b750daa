/** Chooses the content coding of a response by `Accept-Encoding` (RFC 9110 §12.5.3). */

/** A content coding that a response can have here. */
export type Coding = "zstd" | "identity";

/** `token`, and its weight: 0 to 1 with three digits at most. Spaces may stand around the semicolon. */
const MEMBER = /^([!#$%&'*+.^_`|~0-9a-z-]+)(?:\s*;\s*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?))?$/i;

/** The weight of identity where nothing names it: acceptable, and less than anything that is named. */
const LEAST = 0.0005;

/**
 * The coding to answer with: zstd where the client weighs it at least as much as identity; undefined if it takes neither. A
 * client that does not say what it takes gets identity. A member that is not well-formed is passed over: it can only take
 * away the client's own choice.
 */
export function chooseCoding(header: string | null): Coding | undefined {
  const { zstd, identity } = weightsOf(header);
  if (zstd > 0 && zstd >= identity) return "zstd";
  return identity > 0 ? "identity" : undefined;
}

/** True if the client takes identity at all. */
export function takesIdentity(header: string | null): boolean {
  return weightsOf(header).identity > 0;
}

function weightsOf(header: string | null): Readonly<Record<Coding, number>> {
  const named = new Map<string, number>();
  for (const part of (header ?? "").split(",")) {
    const [, coding, weight = "1"] = MEMBER.exec(part.trim()) ?? [];
    // The first one counts: a coding that is named twice is a fault of the client.
    if (coding !== undefined && !named.has(coding.toLowerCase()))
      named.set(coding.toLowerCase(), Number(weight));
  }
  const any = named.get("*");
  return {
    zstd: named.get("zstd") ?? any ?? 0,
    identity: named.get("identity") ?? (any === 0 ? 0 : LEAST),
  };
}
