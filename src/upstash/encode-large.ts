import type { Zstd } from "../codec/zstd.ts";
import { LARGE_TEXT, runEncode, type CodecFailure } from "../value/encode.ts";
import { runEncodeLarge } from "../value/encode-large.ts";
import type { Settings } from "./options.ts";
import type { RawTransport } from "./raw-transport.ts";
import { EncodedCommands, type RequestPlan } from "./request.ts";
import type { Outgoing } from "./send.ts";

/** As `encodeCommands`, with pauses for the event loop: within large values and between many small ones. */
export async function encodeLargeCommands(
  codec: Zstd | CodecFailure | undefined,
  plan: RequestPlan,
  settings: Settings,
  raw: RawTransport | undefined,
): Promise<Outgoing> {
  const encoded = new EncodedCommands(plan, raw);
  for (const value of plan.writes) {
    const { subject, plan: how } = value;
    const text = encoded.text(value);
    const run = text.length < LARGE_TEXT ? runEncode : runEncodeLarge;
    encoded.put(value, await run(codec, text, how, subject, settings, encoded.carrier(value)));
    await settings.pace.spend(text.length);
  }
  return encoded.outgoing;
}
