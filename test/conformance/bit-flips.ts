/** Frames with one bit turned: every decoder says so, or the bit meant nothing. */
import type { Case, Context } from "./case.ts";
import { canDo, decodersOf, equal, throws } from "./case.ts";
import { flipBit, kinds } from "./data.ts";
import type { ZstashErrorCode } from "../../src/index.ts";

/** What a turned bit may be taken for. SIZE_LIMIT and WINDOW_LIMIT: the header claims more than is allowed. */
const flipCodes: readonly ZstashErrorCode[] = [
  "NOT_ZSTD",
  "TRUNCATED",
  "CORRUPT",
  "CHECKSUM_MISMATCH",
  "SIZE_LIMIT",
  "WINDOW_LIMIT",
  "DICTIONARY_UNKNOWN",
];

/** Bit 4 of the Frame_Header_Descriptor, the one bit of a frame that means nothing (RFC 8878 §3.1.1.1.1). */
const UNUSED_BIT = 8 * 4 + 4;

/** Every bit of one frame with a checksum, one at a time: an error, or the content. */
function flipEveryBit(context: Context, content: Uint8Array, data: Uint8Array, about: string): void {
  for (const [name, decoder] of decodersOf(context)) {
    for (let bit = 0; bit < 8 * data.length; bit++) {
      let result: Uint8Array;
      try {
        result = decoder.decompress(flipBit(data, bit));
      } catch (error) {
        throws(context, flipCodes, `${name}, ${about}, bit ${bit}`, () => {
          throw error;
        });
        if (bit < 32)
          throws(context, "NOT_ZSTD", `${name}, ${about}, bit ${bit}`, () => {
            throw error;
          });
        continue;
      }
      equal(result, content, `${name}, ${about}, bit ${bit}`);
    }
    equal(decoder.decompress(flipBit(data, UNUSED_BIT)), content, `${name}, ${about}, the unused bit`);
    equal(decoder.decompress(data), content, `${name}, ${about}, afterwards`);
  }
}

/** 40 groups of 6 frames: 240 frames. */
export const bitFlips: readonly Case[] = Array.from({ length: 40 }, (_, group) => ({
  name: `bit flips: every bit of frames ${6 * group}…${6 * group + 5}, one at a time`,
  needs: ["checksum"],
  run(context) {
    for (let at = 6 * group; at < 6 * group + 6; at++) {
      const [kind, make] = kinds[at % kinds.length]!;
      const content = make(at, 1 + ((at * 37) % 400));
      const level = canDo(context, "levels") ? (at % 22) - 4 : 1;
      const data = context.zstd.compress(content, { level });
      flipEveryBit(context, content, data, `${kind} ${at}`);
    }
  },
}));
