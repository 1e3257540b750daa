import type { FilledArea, LinearMemory } from "./memory.ts";

const encoder = new TextEncoder();

/** Encodes text straight into memory: one pass for ASCII, the rest of other text into a larger area. */
export function placeText(memory: LinearMemory, source: string): FilledArea {
  const area = memory.borrow(source.length, "source");
  const { read, written } = encoder.encodeInto(source, memory.viewOf(area));
  if (read === source.length) return { ...area, size: written };
  try {
    // A UTF-16 code unit takes at most three bytes of UTF-8.
    const larger = memory.allocate(written + (source.length - read) * 3);
    memory.bytes().copyWithin(larger.address, area.address, area.address + written);
    const rest = encoder.encodeInto(source.slice(read), memory.viewOf(larger).subarray(written));
    return { ...larger, size: written + rest.written };
  } finally {
    memory.release(area);
  }
}
