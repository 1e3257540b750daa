/** Bytes of a text in UTF-8, without encoding it; a lone surrogate counts 3, as U+FFFD. */
export function utf8Length(text: string): number {
  let size = text.length;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code < 0x80) continue;
    if (code < 0x800) {
      size += 1;
    } else {
      size += 2;
      // A pair of surrogates is 4 bytes: the high one has counted 3 and the low one 1.
      if ((code & 0xfc00) === 0xd800 && (text.charCodeAt(index + 1) & 0xfc00) === 0xdc00) index += 1;
    }
  }
  return size;
}

/** Whether a text has fewer than `limit` bytes in UTF-8; counts only where 1–3 bytes a character leave it open. */
export function isShorterThan(text: string, limit: number): boolean {
  if (text.length >= limit) return false;
  return text.length * 3 < limit || utf8Length(text) < limit;
}
