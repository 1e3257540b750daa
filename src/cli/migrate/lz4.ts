/** Decodes one LZ4 block (lz4_Block_format.md 1.6), the other format that Valkey GLIDE writes. */

const MIN_MATCH = 4;

/** The content of a block, which must have exactly `size` bytes; undefined if it is not such a block. */
export function decodeLz4Block(block: Uint8Array, size: number): Uint8Array<ArrayBuffer> | undefined {
  const output = new Uint8Array(size);
  let [from, to] = [0, 0];
  /** A length of 15 continues in further bytes, up to the first one that is not 255. */
  const readLength = (start: number): number => {
    let length = start;
    if (start < 15) return length;
    for (;;) {
      const byte = block[from++];
      if (byte === undefined) return Number.NaN;
      length += byte;
      if (byte !== 255) return length;
    }
  };
  while (from < block.length) {
    const token = block[from++]!;
    const literals = readLength(token >> 4);
    if (!(from + literals <= block.length && to + literals <= size)) return undefined;
    output.set(block.subarray(from, from + literals), to);
    from += literals;
    to += literals;
    // The last sequence has only literals.
    if (from === block.length) return to === size ? output : undefined;
    const offset = block[from]! | (block[from + 1]! << 8);
    from += 2;
    const length = readLength(token & 15) + MIN_MATCH;
    if (!(from <= block.length && offset > 0 && offset <= to && to + length <= size)) return undefined;
    // Byte by byte: a match may overlap its own output.
    for (const end = to + length; to < end; to++) output[to] = output[to - offset]!;
  }
  return undefined;
}
