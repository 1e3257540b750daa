/** Defaults for Deno, and its lossy decoder of UTF-8: the fatal one takes three to seven times as long. */
import { utf8Lossy, type UnitAccess, type UnitView } from "../../text.ts";

export { DEFAULT_MAX_REPLY_SIZE, DEFAULT_MEMORY_LIMIT, REQUESTS_END_SILENTLY } from "./process.ts";

/** Nothing but reading UTF-8 is asked of it: Deno's encoder is as fast as transcoding. */
class LossyView implements UnitView {
  readonly #bytes: Uint8Array;

  constructor(memory: ArrayBuffer) {
    this.#bytes = new Uint8Array(memory);
  }

  write(): number {
    return 0;
  }

  toString(_encoding: string, start: number, end: number): string {
    return utf8Lossy(this.#bytes.subarray(start, end));
  }
}

/** Strings are read by the lossy decoder, whatever their length. */
export const unitAccess: UnitAccess | undefined = {
  encodes: false,
  decodes: false,
  lossyBelow: Infinity,
  view: (memory) => new LossyView(memory),
};
