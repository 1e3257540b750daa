/** Large values: encoding and decoding that lets the event loop run every few milliseconds. */
import { now } from "../../timers.ts";
import { compressLargeText, decompressLargeText } from "../../codec/large-text.ts";
import type { Decoder } from "../../codec/decoder.ts";
import type { Zstd } from "../../codec/zstd.ts";
import { readFrameHeaderAt } from "../../format/frame.ts";

import type { Carrier, Stored } from "../../value/carrier.ts";
import { checkText, decodeFailure, decodingOf, frameOf, type ValueRead } from "../../value/decode.ts";
import {
  checkFrame,
  emitUncompressed,
  encodeWrite,
  LARGE_TEXT,
  storedFor,
  type CodecFailure,
  type EncodeSettings,
  type MadeFrame,
  type ValueWrite,
} from "../../value/encode.ts";
import { costFactor } from "../../codec/pace.ts";
import { EncodedCommands } from "../encode.ts";
import type { Outgoing, RequestPlan, Transport } from "../plan.ts";
import type { Settings } from "../settings.ts";

/** Characters at level 1 that are compressed in one step of some 8 ms: a stream takes half as long again. */
const AT_ONCE = 2 << 20;

/** Does the same as `encodeCommands`, with pauses within large values and between many small ones. */
export async function encodeLargeCommands(
  codec: Zstd | CodecFailure | undefined,
  plan: RequestPlan,
  settings: Settings,
  transport: Transport | undefined,
): Promise<Outgoing> {
  const encoded = new EncodedCommands(plan, transport);
  for (const write of plan.writes) {
    const { value } = write;
    const { length } = value.text;
    const atOnce = length < LARGE_TEXT || length * costFactor(value.level) <= AT_ONCE;
    const encode = atOnce ? encodeWrite : encodeLarge;
    // Requests that begin together take turns: the work of this one is counted before another looks.
    const turn = settings.pace.spend(0, 0);
    if (turn !== undefined) await turn;
    const pause = settings.pace.spend(length);
    const stored = encode(codec, value, settings, encoded.carrier(write));
    encoded.put(write, stored instanceof Promise ? await stored : stored);
    await pause;
  }
  return encoded.outgoing;
}

/** Does the same as `encodeWrite`, with pauses. */
async function encodeLarge(
  codec: Zstd | CodecFailure | undefined,
  write: ValueWrite,
  settings: EncodeSettings,
  carrier: Carrier,
): Promise<Stored> {
  let made: MadeFrame | undefined;
  try {
    if (codec !== undefined) {
      if ("error" in codec) throw codec.error;
      const start = settings.onEvent && now();
      made = checkFrame(await compressLargeText(codec, write.text, write.level), write, start);
    }
  } catch (error) {
    emitUncompressed(error, write, settings.onEvent);
  }
  return storedFor(made, write, settings, carrier);
}

/** Does the same as `decodeRead`, with pauses if the value turns out to be large. */
export async function decodeLarge(
  codec: Decoder | CodecFailure,
  read: ValueRead,
  settings: Settings,
): Promise<string> {
  try {
    const frame = frameOf(codec, read);
    const { contentSize = 0 } = readFrameHeaderAt(frame, 0, 0);
    const turn = settings.pace.spend(0, 0);
    if (turn !== undefined) await turn;
    const pause = settings.pace.spend(contentSize);
    const start = settings.onEvent && now();
    const text = await decompressLargeText(codec as Decoder, frame, decodingOf(settings));
    const ms = start && now() - start;
    await pause;
    return checkText({ text, frame, ms }, read, settings);
  } catch (cause) {
    throw decodeFailure(cause, read, settings);
  }
}
