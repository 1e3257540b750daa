/** Redis' glob patterns, which KEYS, SCAN and channels use. */

/**
 * Returns true if the text matches the pattern: `*`, `?`, `[a-z]`, `[^a]`, and `\` before a literal character. Both are
 * bytes as toBinary writes them.
 */
export function matchesGlob(pattern: string, text: string): boolean {
  let [p, t] = [0, 0];
  // After a mismatch the last star takes one more character, and matching continues after it: never exponential.
  let [starP, starT] = [-1, 0];
  for (;;) {
    if (p < pattern.length && pattern[p] === "*") {
      starP = ++p;
      starT = t;
      continue;
    }
    if (t === text.length) return p === pattern.length;
    const next = p < pattern.length ? matchOne(pattern, p, text.charCodeAt(t)) : -1;
    if (next !== -1) {
      p = next;
      t++;
    } else if (starP !== -1) {
      p = starP;
      t = ++starT;
    } else {
      return false;
    }
  }
}

/** Matches one character. Returns the index after the pattern's element, or −1 if it does not match. */
function matchOne(pattern: string, at: number, code: number): number {
  const symbol = pattern[at];
  if (symbol === "?") return at + 1;
  if (symbol === "[") return matchClass(pattern, at + 1, code);
  const literal = symbol === "\\" && at + 1 < pattern.length ? at + 1 : at;
  return pattern.charCodeAt(literal) === code ? literal + 1 : -1;
}

/**
 * Matches one character against a class whose content starts at an index. Returns the index after it, or −1 if it
 * does not match.
 */
function matchClass(pattern: string, at: number, code: number): number {
  const negated = pattern[at] === "^";
  if (negated) at++;
  let matched = false;
  // An unclosed class ends with the pattern.
  for (; at < pattern.length && pattern[at] !== "]"; at++) {
    if (pattern[at] === "\\" && at + 1 < pattern.length) {
      at++;
      if (pattern.charCodeAt(at) === code) matched = true;
    } else if (pattern[at + 1] === "-" && at + 2 < pattern.length) {
      const [a, b] = [pattern.charCodeAt(at), pattern.charCodeAt(at + 2)];
      if (code >= Math.min(a, b) && code <= Math.max(a, b)) matched = true;
      at += 2;
    } else if (pattern.charCodeAt(at) === code) {
      matched = true;
    }
  }
  return matched === negated ? -1 : Math.min(at + 1, pattern.length);
}
