import { ZstashError } from "../errors.ts";
import { releaseContentSize, writeContentSize, type ReservedHeader } from "../format/content-size.ts";
import type { RestClient } from "../rest/client.ts";
import { appendPiece } from "./append.ts";
import type { Piece } from "./piece-cutter.ts";
import { renew } from "./publish.ts";
import { commandError, requireNumber, requireReply } from "./reply.ts";
import { RENEWAL_INTERVAL, TEMPORARY_TTL } from "./temporary-key.ts";

/** What an upload is told. */
export interface UploadOptions {
  readonly key: string;
  readonly temporary: string;
  /** Pieces on their way at once, at most. */
  readonly concurrency: number;
  readonly signal: AbortSignal;
  /** Called with the bytes of every piece that has arrived. */
  readonly onSent: (bytes: number) => void;
}

/** The first piece, whose header may still lack the content size. */
export interface FirstPiece {
  readonly bytes: Uint8Array;
  /** Where the content size goes, in the same bytes; undefined where the header has one or needs none. */
  readonly reserved: ReservedHeader | undefined;
}

/**
 * Builds a value under a temporary key out of pieces that are sent as they are made, several at once: SETRANGE may be
 * repeated and may come in any order. The first piece is sent last, when its header can say the content size: that
 * spares a request to patch it. So at most `concurrency` pieces are on their way, and the first and one more wait.
 *
 * Where the server refuses SETRANGE for its form, what it has not taken is sent by APPEND, in sequence; the content
 * size then stays undeclared.
 */
export class Upload {
  readonly #client: RestClient;
  readonly #first: FirstPiece;
  readonly #options: UploadOptions;
  readonly #running = new Map<Piece, Promise<void>>();
  #created: Promise<void> | undefined;
  #renewal: ReturnType<typeof setInterval> | undefined;
  #failure: { readonly error: unknown } | undefined;
  #taken = false;
  #lost = false;
  /** Bytes appended; undefined while SETRANGE is used. */
  #appended: number | undefined;

  constructor(client: RestClient, first: FirstPiece, options: UploadOptions) {
    this.#client = client;
    this.#first = first;
    this.#options = options;
  }

  /** Whether the pieces were appended, so that the header is as it was before room was made in it. */
  get appending(): boolean {
    return this.#appended !== undefined;
  }

  /** Whether a piece may come once more, though it has arrived. */
  get lost(): boolean {
    return this.#lost;
  }

  /**
   * Waits for what is on its way. Whether a piece may still reach the server: it would
   * bring back a temporary key that was deleted, without an end of its life.
   */
  async settle(): Promise<boolean> {
    clearInterval(this.#renewal);
    await Promise.all(this.#running.values());
    return this.#lost;
  }

  /** Sends a piece behind the first; resolves when there is room for the next. */
  async send(piece: Piece): Promise<void> {
    this.#created ??= this.#create();
    await this.#created;
    if (this.#failure !== undefined) await this.#wait(false);
    if (this.#appended !== undefined) return this.#append(piece.bytes);
    const done = this.#setRange(piece)
      .then(() => {
        this.#running.delete(piece);
        this.#taken = true;
        this.#options.onSent(piece.bytes.length);
      })
      .catch((error: unknown) => {
        this.#failure ??= { error };
      });
    this.#running.set(piece, done);
    if (this.#running.size >= this.#options.concurrency) await this.#wait(false);
  }

  /** Sends the first piece, its content size set, and waits until everything has arrived. */
  async finish(contentSize: number): Promise<void> {
    const { bytes, reserved } = this.#first;
    if (this.#appended === undefined) {
      if (reserved !== undefined) writeContentSize(reserved, contentSize);
      await this.send({ offset: 0, bytes });
      await this.#wait(true);
    }
    clearInterval(this.#renewal);
  }

  /** Waits for one piece, or for all; throws the first failure. */
  async #wait(all: boolean): Promise<void> {
    while (this.#running.size > 0 && this.#failure === undefined) {
      await Promise.race(this.#running.values());
      if (!all) break;
    }
    if (this.#failure === undefined) return;
    const { error } = this.#failure;
    if (!(error instanceof RefusedForm)) throw error;
    await Promise.all(this.#running.values());
    if (this.#taken) throw error.refusal;
    await this.#appendInstead(error);
  }

  /** Nothing has been taken, and everything that was sent is still here. */
  async #appendInstead({ refusal }: RefusedForm): Promise<void> {
    const { bytes, reserved } = this.#first;
    const pieces = [...this.#running.keys()].filter(({ offset }) => offset > 0);
    this.#running.clear();
    this.#failure = undefined;
    this.#appended = 0;
    try {
      await this.#append(reserved === undefined ? bytes : releaseContentSize(reserved));
    } catch (error) {
      // Neither form is taken: what was said first is what counts.
      throw error instanceof ZstashError && error.key !== undefined ? refusal : error;
    }
    for (const piece of pieces.sort((a, b) => a.offset - b.offset)) await this.#append(piece.bytes);
  }

  async #append(bytes: Uint8Array): Promise<void> {
    this.#appended = await appendPiece(this.#client, bytes, this.#appended ?? 0, this.#options);
    this.#options.onSent(bytes.length);
  }

  async #create(): Promise<void> {
    const { key, temporary, signal } = this.#options;
    // SETRANGE with nothing would create nothing. NX, because a creation that was sent twice may come a second time
    // when there are pieces: it would take them away. Nobody else knows the key, so whoever made it, it is made.
    const command = ["SET", temporary, "", "PX", TEMPORARY_TTL, "NX"];
    const reply = await this.#client.command(command, { signal, repeatable: true });
    requireReply(reply, "store", key);
    // Also while the source rests: a key that was not renewed is taken for one that was left behind.
    this.#renewal = setInterval(() => {
      renew(this.#client, temporary, key, signal).catch((error: unknown) => {
        this.#failure ??= { error };
      });
    }, RENEWAL_INTERVAL);
    (this.#renewal as { unref?: () => void }).unref?.();
  }

  async #setRange({ offset, bytes }: Piece): Promise<void> {
    const { key, temporary, signal } = this.#options;
    const reply = await this.#client.command(["SETRANGE", temporary, offset, bytes], {
      signal,
      withoutToken: true,
      onLost: () => {
        this.#lost = true;
      },
    });
    if (reply.kind === "error") {
      const error = commandError(reply.text, "store", key);
      throw isAboutForm(error, reply.text) ? new RefusedForm(error) : error;
    }
    if (requireNumber(reply, "store", key) >= offset + bytes.length) return;
    throw new ZstashError("REDIS", `Cannot store ${JSON.stringify(key)}: a piece did not arrive whole`, {
      key,
    });
  }
}

/** A refusal that may be for the form of the request and not for the command. */
class RefusedForm extends Error {
  override readonly name = "RefusedForm";
  readonly refusal: ZstashError;

  constructor(refusal: ZstashError) {
    super(refusal.message);
    this.refusal = refusal;
  }
}

/** What the server says of limits, memory, rights and types is about the command. */
function isAboutForm({ code }: ZstashError, text: string): boolean {
  return code === "REDIS" && !/^(OOM|NOPERM|NOAUTH|READONLY|WRONGTYPE|LOADING|MISCONF|ERR DB )/.test(text);
}
