import { compressLargeText } from "../codec/large-text.ts";
import type { Zstd } from "../codec/zstd.ts";
import type { Carrier, Stored } from "./carrier.ts";
import {
  choose,
  fallBack,
  requireCodec,
  requireFrame,
  type CodecFailure,
  type EncodePlan,
  type EncodeSettings,
  type ValueSubject,
} from "./encode.ts";

/** As `runEncode` for a large text: gives the event loop back while it compresses. */
export async function runEncodeLarge(
  codec: Zstd | CodecFailure | undefined,
  text: string,
  plan: EncodePlan,
  subject: ValueSubject,
  settings: EncodeSettings,
  carrier: Carrier,
): Promise<Stored> {
  let frame: Uint8Array | undefined;
  try {
    if (codec !== undefined) {
      frame = requireFrame(await compressLargeText(requireCodec(codec), text, plan.level));
    }
  } catch (error) {
    fallBack(error, text, subject, settings.onEvent);
  }
  return choose(frame, text, plan, subject, settings, carrier);
}
