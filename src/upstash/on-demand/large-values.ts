/** Large values: encoding and decoding that lets the event loop run every few milliseconds. */
import { now } from "../../timers.ts";
import { compressLargeText, decompressLargeText, isStreamed } from "../../codec/large-text.ts";
import type { Decoder } from "../../codec/decoder.ts";
import type { Zstd } from "../../codec/zstd.ts";
import { headOf, type Carrier, type Stored } from "../../value/carrier.ts";
import { readFrameHeaderAt, type FrameHeader } from "../../format/frame.ts";
import {
  checkText,
  decodeFailure,
  decodeRead,
  decodingOf,
  frameOf,
  limitOf,
  type ValueRead,
} from "../../value/decode.ts";
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
import { DecodingGate } from "./decoding-gate.ts";

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

/** One for all clients of a process or an isolate, because they share its memory. */
const gate = new DecodingGate();

/**
 * Does the same as `decodeRead`, with pauses if the value turns out to be large. What waits holds the stored value
 * only: neither its frame nor its text.
 */
export async function decodeLarge(
  codec: Decoder | CodecFailure,
  read: ValueRead,
  settings: Settings,
): Promise<string> {
  const { contentSize, windowSize } = headerOf(read) ?? { contentSize: 0, windowSize: 0 };
  const limit = limitOf(settings);
  const size = contentSize ?? limit;
  // What is too large is refused before anything of it is decoded.
  if (size <= limit && isStreamed({ contentSize, windowSize }))
    return gate.run(size, () => decodeWithPauses(codec, read, settings), settings.signal);
  const turn = settings.pace.takeTurn(settings.signal);
  if (turn !== undefined) await turn;
  settings.pace.charge(size);
  return decodeRead(codec, read, settings);
}

/** The header of a value's first frame; undefined if it cannot be decoded, which decoding it will explain. */
function headerOf({ stored }: ValueRead): FrameHeader | undefined {
  try {
    return readFrameHeaderAt(headOf(stored), 0, 0);
  } catch {
    return undefined;
  }
}

async function decodeWithPauses(
  codec: Decoder | CodecFailure,
  read: ValueRead,
  settings: Settings,
): Promise<string> {
  try {
    const frame = frameOf(codec, read);
    const start = settings.onEvent && now();
    const text = await decompressLargeText(codec as Decoder, frame, decodingOf(settings), settings.signal);
    return checkText({ text, frame, ms: start && now() - start }, read, settings);
  } catch (cause) {
    const { signal } = settings;
    if (signal?.aborted === true) throw signal.reason;
    throw decodeFailure(cause, read, settings);
  }
}
