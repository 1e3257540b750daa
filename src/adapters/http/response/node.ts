/** The response of node:http as the transport reads it: chunk by chunk, and paused when the reader is slower. */
import type { IncomingMessage } from "node:http";
import type stream from "node:stream";
import type { Readable, Transform } from "node:stream";
import type zlib from "node:zlib";
import { requireBuiltin } from "../../node.ts";
import type { HttpResponse } from "../flight.ts";

/** Bytes of a response that may wait for a reader before the socket is paused. */
const HIGH_WATER = 128 << 10;

/** Makes the decoder for a content coding that a server has used although none was asked for. */
function decoderOf(coding: string): Transform | undefined {
  const load = (): typeof zlib => requireBuiltin("node:zlib") as typeof zlib;
  switch (coding) {
    case "br":
      return load().createBrotliDecompress();
    case "deflate":
      return load().createInflate();
    case "gzip":
    case "x-gzip":
      return load().createGunzip();
    default:
      return undefined;
  }
}

/** The decoded body of a message; a body in an unknown coding stays as it is. */
function bodyOf(message: IncomingMessage): Readable {
  const decoder = decoderOf(message.headers["content-encoding"]?.toLowerCase() ?? "identity");
  if (decoder === undefined) return message;
  const { pipeline } = requireBuiltin("node:stream") as typeof stream;
  // Its reader sets the pace: no more is decoded than the reader takes.
  return pipeline(message, decoder, () => undefined);
}

/** A response whose body waits for its reader, and is decoded for it. */
export class NodeResponse implements HttpResponse {
  readonly status: number;
  readonly #message: IncomingMessage;
  /** The message, or its decoder. */
  readonly #body: Readable;
  readonly #done: () => void;
  #chunks: Uint8Array[] = [];
  #size = 0;
  #ended = false;
  #failure: { readonly reason: unknown } | undefined;
  #wake: (() => void) | undefined;

  constructor(message: IncomingMessage, done: () => void) {
    const body = bodyOf(message);
    this.status = message.statusCode ?? 0;
    this.#message = message;
    this.#body = body;
    this.#done = done;
    body.on("data", this.#take);
    body.on("end", this.#end);
    body.on("error", this.#fail);
    body.on("close", this.#end);
  }

  get headers(): HttpResponse["headers"] {
    const { headers } = this.#message;
    return {
      get(name) {
        const value = headers[name];
        return Array.isArray(value) ? value.join(", ") : (value ?? null);
      },
    };
  }

  get ended(): boolean {
    return this.#ended && this.#chunks.length === 0;
  }

  async read(): Promise<Uint8Array | undefined> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) {
        this.#size -= chunk.length;
        if (this.#body.isPaused() && this.#size <= HIGH_WATER) this.#body.resume();
        return chunk;
      }
      if (this.#failure !== undefined) throw this.#failure.reason;
      if (this.#ended) return undefined;
      await new Promise<void>((wake) => (this.#wake = wake));
    }
  }

  readonly #take = (chunk: Uint8Array): void => {
    const { buffer, byteOffset, length } = chunk;
    // The receiver may transfer a chunk's buffer: no two chunks share one.
    const whole = length === buffer.byteLength;
    this.#chunks.push(whole ? new Uint8Array(buffer, byteOffset, length) : new Uint8Array(chunk));
    this.#size += length;
    if (this.#size > HIGH_WATER) this.#body.pause();
    this.#wake?.();
  };

  readonly #end = (): void => {
    if (this.#ended || this.#failure !== undefined) return;
    if (!this.#message.complete)
      return this.#fail(new Error("the connection was closed within the response"));
    this.#ended = true;
    this.#done();
    this.#wake?.();
  };

  readonly #fail = (reason: unknown): void => {
    this.#failure ??= { reason };
    this.#wake?.();
  };
}
