import { writeRawBlocks } from "../format/raw-blocks.ts";
import { emit } from "../metrics/events.ts";
import { anyOf } from "../rest/signals.ts";
import { levelOf } from "../value/policy.ts";
import { compressLayout, seekable, type LayoutCount } from "./layout.ts";
import type { PutPlan, StoreContext } from "./options.ts";
import { withKey } from "./reply.ts";
import { openSource, type OpenedSource, type ValueSource } from "./source.ts";
import { ValueUpload } from "./value-upload.ts";

/** What a `put` has stored. */
export interface PutResult {
  /** Bytes of the value. */
  readonly size: number;
  /** Bytes of what is stored for it. */
  readonly compressedSize: number;
  /** Frames that it was cut into. */
  readonly frames: number;
  /** Bytes of the largest of several frames; 0 for one frame. */
  readonly largestFrame: number;
}

/** Counts what passes. */
class Counter {
  size = 0;

  stream(): TransformStream<Uint8Array, Uint8Array> {
    return new TransformStream<Uint8Array, Uint8Array>({
      transform: (chunk, controller) => {
        this.size += chunk?.length ?? 0;
        controller.enqueue(chunk);
      },
    });
  }
}

/** Compresses a source and stores it; null where `ifAbsent` found a value. */
export async function put(
  context: StoreContext,
  key: string,
  source: ValueSource,
  plan: PutPlan,
): Promise<PutResult | null> {
  const opened = openSource(source);
  const ended = new AbortController();
  const signal = anyOf(ended.signal, plan.signal) ?? ended.signal;
  const counter = new Counter();
  const count: LayoutCount = { frames: 0, largestFrame: 0 };
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  const value = new ValueUpload(context, key, plan, counter, signal);
  try {
    signal.throwIfAborted();
    const transform = await openCompression(context, key, plan, opened, count);
    reader = opened.stream.pipeThrough(counter.stream()).pipeThrough(transform).getReader();
    // A signal ends the reading too, where the source hangs.
    const stop = (): void => void reader?.cancel(signal.reason).catch(() => undefined);
    signal.addEventListener("abort", stop, { once: true });
    for (;;) {
      const { done, value: chunk } = await reader.read();
      signal.throwIfAborted();
      if (done) break;
      await value.write(chunk);
    }
    const stored = await value.finish();
    return stored ? { size: counter.size, compressedSize: value.size, ...count } : null;
  } catch (error) {
    reader?.cancel(error).catch(() => undefined);
    if (plan.signal?.aborted !== true) await value.drain(error);
    ended.abort(error);
    if (reader === undefined) opened.stream.cancel(error).catch(() => undefined);
    await value.abandon();
    throw withKey(error, key);
  }
}

/** The compression that the plan asks for; without a codec, frames of raw blocks: a write never fails for it. */
async function openCompression(
  { codec, level, onEvent }: StoreContext,
  key: string,
  plan: PutPlan,
  { size, kind }: OpenedSource,
  count: LayoutCount,
): Promise<TransformStream<Uint8Array, Uint8Array>> {
  const loaded = codec.loaded ?? (await codec.load());
  if (!("error" in loaded)) {
    const chosen = plan.level ?? level ?? levelOf(plan.kind ?? kind ?? "text");
    return compressLayout(loaded, plan.layout, chosen, size, count);
  }
  if (onEvent !== undefined) {
    emit(onEvent, { type: "uncompressed", command: "PUT", key, size: size ?? 0, error: loaded.error });
  }
  let written = false;
  const write = (chunk: Uint8Array, controller: TransformStreamDefaultController<Uint8Array>): void => {
    written = true;
    controller.enqueue(writeRawBlocks(chunk));
  };
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>({
    transform: write,
    flush: (controller) => (written ? undefined : write(new Uint8Array(0), controller)),
  });
  return { writable, readable: readable.pipeThrough(seekable(count)) };
}
