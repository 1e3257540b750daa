/**
 * Text by faster ways than TextEncoder and a fatal TextDecoder. Where the coders of older versions of V8 take one character
 * at a time it is moved as UTF-16 and transcoded in WebAssembly, four to sixteen at a time.
 */
import { isWide, slicesOf, type UnitAccess, type UnitView } from "../text.ts";
import type { ZstashExports } from "./exports.ts";
import { appendText, type Area, type LinearMemory } from "./memory.ts";

/** Characters that are copied at a time, so that they are transcoded while they are in the processor's first cache. */
const COPIED_UNITS = 8192;
/** Characters that are taken for ASCII at a time, in texts of one byte a character: there V8 is as fast until one is not. */
const ASCII_UNITS: number = 64 << 10;
/** Shorter texts are encoded before it is known what they are. */
const SHORTEST = 128;
/** Longer texts could take three times their size of linear memory, which never shrinks. */
const LONGEST: number = 8 << 20;
/** Bytes that are written past the end of what counts (OVERSHOOT in wasm/text.c). */
const OVERSHOOT = 32;
/** What stands for invalid UTF-8. */
const REPLACEMENT = "\ufffd";
/** Offsets from here on are negative to Buffer's `toString` in Node 20. */
const ADDRESS_MAX = 2 ** 31 - 1;

/** Moves text in and out of one instance's memory. */
export class WideText {
  readonly #exports: Required<ZstashExports>;
  readonly #memory: LinearMemory;
  readonly #encodes: boolean;
  readonly #decodes: boolean;
  readonly #lossyBelow: number;
  readonly #open: (memory: ArrayBuffer) => UnitView;
  #view: UnitView | undefined;
  /** What the view is of. */
  #bytes: Uint8Array | undefined;

  constructor(exports: Required<ZstashExports>, memory: LinearMemory, access: UnitAccess) {
    this.#exports = exports;
    this.#memory = memory;
    this.#encodes = access.encodes;
    this.#decodes = access.decodes;
    this.#lossyBelow = access.lossyBelow;
    this.#open = (buffer) => access.view(buffer);
  }

  /** Encodes a text, lone surrogates as U+FFFD. Undefined where the runtime's own encoder is as fast. */
  place(text: string): Area | undefined {
    const { length } = text;
    if (!this.#encodes || length < SHORTEST || length > LONGEST) return undefined;
    const wide = isWide(text);
    if (!wide && length <= ASCII_UNITS) return undefined;
    let area = this.#memory.borrow((wide ? length * 3 : length + (length >>> 6)) + OVERSHOOT, "source");
    try {
      let done = 0;
      for (const slice of wide ? [] : slicesOf(text, ASCII_UNITS)) {
        const { size } = area;
        const read = appendText(this.#memory, area, slice);
        done += read;
        if (area.size - size !== slice.length) break;
      }
      if (done === length) return area;
      if (!wide) area = this.#enlarge(area, (length - done) * 2 + OVERSHOOT);
      this.#transcode(area, done === 0 ? text : text.slice(done));
      return area;
    } catch (error) {
      this.#memory.release(area);
      throw error;
    }
  }

  /** Copies code units in, and encodes them behind an area's input. */
  #transcode(area: Area, text: string): void {
    // Nothing is compressed yet.
    const { address } = this.#memory.borrow(COPIED_UNITS * 2, "destination");
    const units = this.#units();
    let end = area.address + area.size;
    for (const slice of text.length <= COPIED_UNITS ? [text] : slicesOf(text, COPIED_UNITS)) {
      units.write(slice, address, slice.length * 2, "utf16le");
      end = this.#exports.zstash_utf16_to_utf8(end, address, slice.length) >>> 0;
    }
    area.size = end - area.address;
  }

  /** An area with the same input and `room` bytes more, in place of one. */
  #enlarge(area: Area, room: number): Area {
    if (area.capacity - area.size >= room) return area;
    const memory = this.#memory;
    const larger = memory.allocate(area.size + room);
    memory.bytes().copyWithin(larger.address, area.address, area.address + area.size);
    larger.size = area.size;
    memory.release(area);
    return larger;
  }

  /** The text of an area's input. Undefined where it is not UTF-8, or the runtime's own decoder is as fast. */
  read({ address, size }: Area): string | undefined {
    if (size < this.#lossyBelow) {
      const text = this.#units().toString("utf8", address, address + size);
      // Looking for it takes no time in strings of one byte a character. It may as well be part of the text.
      return text.includes(REPLACEMENT) ? undefined : text;
    }
    if (!this.#decodes || size > LONGEST) return undefined;
    const memory = this.#memory;
    // What was decoded is no longer needed.
    const area = memory.borrow(size * 2 + OVERSHOOT, "source");
    try {
      const end = this.#exports.zstash_utf8_to_utf16(area.address, address, size) >>> 0;
      if (end === 0 || Math.max(end, address + size) > ADDRESS_MAX) return undefined;
      const units = this.#units();
      if (end === area.address) return units.toString("latin1", address, address + size);
      return units.toString("utf16le", area.address, end);
    } finally {
      memory.release(area);
    }
  }

  /** Growth of memory detaches the view before. */
  #units(): UnitView {
    const bytes = this.#memory.bytes();
    if (this.#view === undefined || this.#bytes !== bytes) {
      this.#view = this.#open(bytes.buffer);
      this.#bytes = bytes;
    }
    return this.#view;
  }
}

/** Makes that of an instance. Passed in, so that who only decodes, as pages do, does not load this file. */
export type MakeWideText = (exports: ZstashExports, memory: LinearMemory) => WideText | undefined;

/** The one of an instance; undefined where the module cannot transcode, or the runtime's own coders are as fast. */
export function wideTextOf(
  exports: ZstashExports,
  memory: LinearMemory,
  access: UnitAccess | undefined,
): WideText | undefined {
  if (access === undefined || !(access.encodes || access.decodes || access.lossyBelow > 0)) return undefined;
  return canTranscode(exports) ? new WideText(exports, memory, access) : undefined;
}

function canTranscode(exports: ZstashExports): exports is Required<ZstashExports> {
  return "zstash_utf16_to_utf8" in exports && "zstash_utf8_to_utf16" in exports;
}
