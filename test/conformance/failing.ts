/** What every case about bad input does: fail in each way of decoding, then succeed on the same instance. */
import type { ZstashErrorCode } from "../../src/index.ts";
import { rawFrame } from "./build-frame.ts";
import { decodersOf, equal, throws } from "./case.ts";
import type { Context } from "./case.ts";
import { utf8 } from "./data.ts";

/** What is decoded after every failure. */
export const after = utf8("the next call works");

/** Larger than any content here: made once, for a new one at every call costs more than the call. */
const room = new Uint8Array(1 << 19);

/** Runs what must fail on every decoder, and after each a call that must not. */
export function fails(
  context: Context,
  codes: ZstashErrorCode | readonly ZstashErrorCode[],
  about: string,
  data: Uint8Array,
): void {
  for (const [name, decoder] of decodersOf(context)) {
    throws(context, codes, `${name}, ${about}`, () => decoder.decompress(data));
    equal(decoder.decompress(rawFrame(after)), after, `${name}, after ${about}`);
    throws(context, codes, `${name}, ${about}, text`, () => decoder.decompressText(data));
    equal(decoder.decompressText(rawFrame(after)), "the next call works", `${name}, after ${about}, text`);
    throws(context, codes, `${name}, ${about}, into`, () => decoder.decompress(data, { into: room }));
  }
}
