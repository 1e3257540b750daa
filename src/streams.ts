/**
 * Types of byte streams that fit both declarations of web streams that TypeScript knows: lib "DOM" and
 * "node:stream/web". Without them a program that has both could not pass our streams to Node's functions.
 */

/** The reader of a `ByteStream`. */
export interface ByteReader {
  /** Resolves when the stream ends or the lock is released; rejects with the stream's error. */
  readonly closed: Promise<undefined>;
  /**
   * Returns the next chunk as `value`, in a buffer that nobody else uses; `done` is true at the end, without a
   * `value`.
   */
  read(): Promise<
    | { readonly done: false; readonly value: Uint8Array<ArrayBuffer> }
    | { readonly done: true; readonly value: undefined }
  >;
  /** Ends the stream: it reads no more from its source and releases what it holds. */
  cancel(reason?: unknown): Promise<void>;
  /** Gives the stream back, so that another reader can go on where this one stopped. */
  releaseLock(): void;
}

/** The members of a ReadableStream, in types that both declarations accept. */
export interface PortableByteStream {
  /** True while a reader, a pipe or a loop has the stream. */
  readonly locked: boolean;
  /** Ends the stream: it reads no more from its source and releases what it holds. */
  cancel(reason?: unknown): Promise<void>;
  /** BYOB readers (`mode: "byob"`) are not supported: each chunk comes in a buffer of its own. */
  getReader(options: { readonly mode: "byob" }): never;
  /** Locks the stream to a new reader, and returns it. `mode` is left out. */
  getReader(options?: { readonly mode?: undefined }): ByteReader;
  /**
   * Sends the chunks through a transform: into its `writable`. Returns its `readable`, such as a `CompressionStream`'s
   * or a `TextDecoderStream`'s.
   */
  pipeThrough<Output>(
    transform: { readonly readable: Output; readonly writable: object },
    options?: object,
  ): Output;
  /**
   * Writes the chunks to a WritableStream, as fast as it takes them. Resolves when it is closed; `options` are those
   * of `ReadableStream.pipeTo`.
   */
  pipeTo(destination: object, options?: object): Promise<void>;
  /** Makes two streams of this one. What the slower one has not read yet is kept in memory without a limit. */
  tee(): [ByteStream, ByteStream];
  /** Iterates over the chunks. Leaving the loop cancels the stream unless `preventCancel` is true. */
  values(options?: { readonly preventCancel?: boolean }): ByteIterator;
  /** Iterates over the chunks, as `for await` does; see `values` for `preventCancel`. */
  [Symbol.asyncIterator](options?: { readonly preventCancel?: boolean }): ByteIterator;
}

/** The chunks of a stream, for `for await`. */
export interface ByteIterator extends AsyncIteratorObject<Uint8Array<ArrayBuffer>, undefined, unknown> {
  /** Returns this iterator itself, so that a loop can go on with the rest of it. */
  [Symbol.asyncIterator](): ByteIterator;
}

// TypeScript infers signatures from the last overload and calls the first one: hence this order.
/** A ReadableStream of bytes. */
export type ByteStream = PortableByteStream & ReadableStream<Uint8Array<ArrayBuffer>>;

/** Any ReadableStream of bytes, as an argument. */
export interface ReadableBytes {
  /** True while a reader has the stream: it then cannot be an argument. */
  readonly locked: boolean;
  /**
   * Returns a reader, of which these are used: `read`, whose `value` is a chunk of bytes until `done` is true;
   * `cancel` if the rest is not needed; `releaseLock` at the end.
   */
  getReader(): {
    read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
    cancel(reason?: unknown): Promise<void>;
    releaseLock(): void;
  };
}

/** A pair of streams that takes bytes and gives bytes: a valid argument of `pipeThrough`. */
export interface ByteTransform {
  /** Where the result comes out, chunk by chunk. */
  readonly readable: ByteStream;
  /** Where the input goes in. A write waits while nobody reads the result. */
  readonly writable: WritableStream<Uint8Array>;
}
