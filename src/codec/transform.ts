/** A pair of streams around work that takes chunks and emits chunks. */
import { isBytes, isGone } from "../bytes.ts";
import { describe } from "../check.ts";
import { ZstashError } from "../errors.ts";
import type { ByteStream, ByteTransform } from "../streams.ts";

/**
 * Hands one chunk to the reader; returns a promise until the reader wants more. Throws or rejects if the reader has
 * gone.
 */
export type Emit = (chunk: Uint8Array<ArrayBuffer>) => Promise<void> | undefined;

/** The error for work that continues after its stream has ended. */
export function streamClosed(): ZstashError {
  return new ZstashError("INTERNAL", "Cannot go on: the stream was closed");
}

/** The work of a transform. Its calls never overlap. */
export interface Transformer {
  /** Takes one chunk of input. */
  write(chunk: Uint8Array, emit: Emit): Promise<void>;
  /** Called when the input has ended. */
  close(emit: Emit): Promise<void>;
  /** Frees what is held; called exactly once, however the stream ends. */
  release(): void;
}

/**
 * Makes a pair of streams with backpressure inside a chunk. A TransformStream's `transform` cannot wait for its
 * reader, so one small compressed chunk could queue gigabytes of output. Here every emitted chunk waits for demand.
 *
 * The pair works wherever a TransformStream does (`pipeThrough`), and buffers one chunk on each side.
 */
export function createTransform(transformer: Transformer): ByteTransform {
  let output: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;
  let input: WritableStreamDefaultController;
  let demand: (() => void) | undefined;
  let gone: { reason: unknown } | undefined;
  let released = false;
  let hasSignal = false;

  const release = (): void => {
    if (released) return;
    released = true;
    transformer.release();
  };
  const stop = (reason: unknown): void => {
    gone ??= { reason };
    demand?.();
  };
  const end = (reason: unknown): void => {
    stop(reason);
    release();
    output.error(reason);
  };
  const emit: Emit = (chunk) => {
    if (gone !== undefined) throw gone.reason;
    output.enqueue(chunk);
    return (output.desiredSize ?? 0) > 0 ? undefined : demanded();
  };
  const demanded = async (): Promise<void> => {
    await new Promise<void>((resolve) => (demand = resolve));
    demand = undefined;
    if (gone !== undefined) throw (gone as { reason: unknown }).reason;
  };
  /** An error in the work ends both sides. The context is freed before either side sees the error. */
  const settle = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      release();
      if (gone !== undefined) throw gone.reason;
      output.error(error);
      throw error;
    }
  };

  const readable = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      start(controller) {
        output = controller;
      },
      pull() {
        demand?.();
      },
      cancel(reason) {
        stop(reason);
        release();
        input.error(reason);
      },
    },
    { highWaterMark: 1 },
  );
  const writable = new WritableStream<Uint8Array>(
    {
      start(controller) {
        input = controller;
        // Fires while a write still runs; `abort` below waits for the write.
        const { signal } = controller as Partial<WritableStreamDefaultController>;
        signal?.addEventListener("abort", () => end(signal.reason));
        hasSignal = signal !== undefined;
      },
      write(chunk) {
        return settle(() => {
          if (!isBytes(chunk)) {
            throw new TypeError(`A chunk must be a Uint8Array, got ${describe(chunk)}`);
          }
          return writeWhole(transformer, chunk, emit);
        });
      },
      close() {
        return settle(async () => {
          await transformer.close(emit);
          release();
          output.close();
        });
      },
      abort: end,
    },
    { highWaterMark: 1 },
  );
  if (!hasSignal) listenForAbort(writable, end);
  return { readable: readable as ByteStream, writable };
}

/** Writes a chunk whose memory may be detached while the event loop runs in between: then the output is not valid. */
async function writeWhole(transformer: Transformer, chunk: Uint8Array, emit: Emit): Promise<void> {
  const { byteLength } = chunk;
  if (isGone(chunk)) throw transferred();
  try {
    await transformer.write(chunk, emit);
  } catch (error) {
    throw chunk.byteLength === byteLength ? error : transferred(error);
  }
  if (chunk.byteLength !== byteLength) throw transferred();
}

function transferred(cause?: unknown): TypeError {
  const message = "A chunk must not be transferred or resized while it is written";
  return cause === undefined ? new TypeError(message) : new TypeError(message, { cause });
}

/**
 * Calls `end` as soon as a stream is aborted, if its controller has no `signal` (Bun before 1.4): a write that waits
 * for its reader would otherwise block `abort` forever.
 */
function listenForAbort(writable: WritableStream<Uint8Array>, end: (reason: unknown) => void): void {
  const abortOf = (target: Pick<WritableStream, "abort">, isOwn: () => boolean): void => {
    const abort = target.abort.bind(target);
    target.abort = (reason) => {
      if (isOwn()) end(reason);
      return abort(reason);
    };
  };
  const getWriter = writable.getWriter.bind(writable);
  abortOf(writable, () => !writable.locked);
  writable.getWriter = () => {
    const writer = getWriter();
    abortOf(writer, () => writable.locked);
    return writer;
  };
}
