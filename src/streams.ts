/**
 * Types of byte streams that fit both declarations of web streams that TypeScript knows: lib "DOM" and
 * "node:stream/web". Without them a program that has both could not pass our streams to Node's functions.
 */

/** The reader of a `ByteStream`. */
export interface ByteReader {
  readonly closed: Promise<undefined>;
  read(): Promise<
    | { readonly done: false; readonly value: Uint8Array<ArrayBuffer> }
    | { readonly done: true; readonly value: undefined }
  >;
  cancel(reason?: unknown): Promise<void>;
  releaseLock(): void;
}

/** The members of a ReadableStream, in types that both declarations accept. */
export interface PortableByteStream {
  readonly locked: boolean;
  cancel(reason?: unknown): Promise<void>;
  /** BYOB readers are not supported: each chunk comes in a buffer of its own. */
  getReader(options: { readonly mode: "byob" }): never;
  getReader(options?: { readonly mode?: undefined }): ByteReader;
  pipeThrough<Output>(
    transform: { readonly readable: Output; readonly writable: object },
    options?: object,
  ): Output;
  pipeTo(destination: object, options?: object): Promise<void>;
  tee(): [ByteStream, ByteStream];
  values(options?: { readonly preventCancel?: boolean }): ByteIterator;
  [Symbol.asyncIterator](options?: { readonly preventCancel?: boolean }): ByteIterator;
}

/** The chunks of a stream, for `for await`. */
export interface ByteIterator extends AsyncIteratorObject<Uint8Array<ArrayBuffer>, undefined, unknown> {
  [Symbol.asyncIterator](): ByteIterator;
}

/** A ReadableStream of bytes. */
// TypeScript infers signatures from the last overload and calls the first one: hence this order.
export type ByteStream = PortableByteStream & ReadableStream<Uint8Array<ArrayBuffer>>;

/** Any ReadableStream of bytes, as an argument. */
export interface ReadableBytes {
  readonly locked: boolean;
  getReader(): {
    read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
    cancel(reason?: unknown): Promise<void>;
    releaseLock(): void;
  };
}

/** A pair of streams that takes bytes and gives bytes: a valid argument of `pipeThrough`. */
export interface ByteTransform {
  readonly readable: ByteStream;
  readonly writable: WritableStream<Uint8Array>;
}
