/** Builds a value under a temporary key from pieces: by SETRANGE, several at once, or by APPEND in sequence. */
import { ZstashError } from "../errors.ts";
import { releaseContentSize, writeContentSize, type ReservedHeader } from "../format/content-size.ts";
import type { RestClient } from "../rest/client.ts";
import type { RestCommand } from "../rest/rest-command.ts";
import type { Piece } from "./piece-cutter.ts";
import { every, delay } from "../timers.ts";
import { keyGone, renew } from "./publish.ts";
import { cannotStore, commandError, requireNumber, requireReply } from "./reply.ts";
import { TEMPORARY_TTL, UPLOAD_MARK, type RenewalTimes } from "./temporary-key.ts";

export interface UploadOptions {
  readonly key: string;
  readonly temporary: string;
  /** The most pieces that are on their way at once. */
  readonly concurrency: number;
  readonly signal: AbortSignal;
  readonly renewal: RenewalTimes;
  /** Called with the size of every piece that has arrived. */
  readonly onSent: (bytes: number) => void;
}

/** The first piece, whose header may still lack the content size. */
export interface FirstPiece {
  readonly bytes: Uint8Array;
  /** Where the content size goes in the same bytes; undefined if the header has one already or needs none. */
  readonly reserved: ReservedHeader | undefined;
}

/** How often APPEND is sent at most; before each repeat it must be known not to have run. */
const APPEND_ATTEMPTS = 5;

/** A failed renewal is tried again this many times until the next is due. */
const RENEWAL_ATTEMPTS = 8;

/** Errors about limits, memory, rights and types: they concern the command, not its form. */
const aboutCommand = /^(OOM|NOPERM|NOAUTH|READONLY|WRONGTYPE|LOADING|MISCONF|ERR DB )/;

/**
 * Builds a value under a temporary key from pieces that are sent as they are made, several at once: SETRANGE may be
 * repeated and may come in any order. The first piece is sent last, when its header can declare the content size;
 * this saves a request to patch it. So at most `concurrency` pieces are on their way, and the first and one more
 * wait.
 *
 * If the server refuses SETRANGE with bytes, all pieces are sent by APPEND, in sequence; then the content size is not
 * declared.
 */
export class Upload {
  readonly #client: RestClient;
  readonly #first: FirstPiece;
  readonly #options: UploadOptions;
  readonly #running = new Map<Piece, Promise<void>>();
  #created: Promise<void> | undefined;
  #stopRenewal: (() => void) | undefined;
  readonly #stopped = new AbortController();
  #failure: { readonly error: unknown } | undefined;
  #taken = false;
  #lost = false;
  /** The number of appended bytes; undefined while SETRANGE is used. */
  #appended: number | undefined;

  constructor(client: RestClient, first: FirstPiece, options: UploadOptions) {
    this.#client = client;
    this.#first = first;
    this.#options = options;
  }

  /** True if the pieces are appended: the header then has no field for the content size. */
  get appending(): boolean {
    return this.#appended !== undefined;
  }

  /** True if a piece that has arrived may arrive once more. */
  get lost(): boolean {
    return this.#lost;
  }

  /**
   * Waits for running pieces. Returns true if one may still arrive and recreate the deleted key without a time to
   * live.
   */
  async settle(): Promise<boolean> {
    this.#stopRenewing();
    await Promise.all(this.#running.values());
    return this.#lost;
  }

  /** Sends a piece other than the first; resolves when there is room for the next. */
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

  /** Sends the first piece, with its content size, and waits until everything has arrived. */
  async finish(contentSize: number): Promise<void> {
    const { bytes, reserved } = this.#first;
    if (this.#appended === undefined) {
      if (reserved !== undefined) writeContentSize(reserved, contentSize);
      await this.send({ offset: 0, bytes });
      await this.#wait(true);
    }
    this.#stopRenewing();
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
    // A lost piece may still arrive, and would then overwrite what was appended.
    if (this.#taken || this.#lost) throw error.refusal;
    await this.#appendInstead(error);
  }

  /** Starts again with APPEND: the server has taken nothing, and everything that was sent is still held. */
  async #appendInstead({ refusal }: RefusedForm): Promise<void> {
    const { bytes, reserved } = this.#first;
    const pieces = [...this.#running.keys()].filter(({ offset }) => offset > 0);
    this.#running.clear();
    this.#failure = undefined;
    this.#client.announce({ type: "fallback", command: "SETRANGE", from: "setrange", to: "append" });
    this.#appended = 0;
    const { key, temporary, signal } = this.#options;
    // Nothing precedes the appended bytes.
    const empty = ["SET", temporary, "", "PX", TEMPORARY_TTL];
    requireReply(await this.#client.command(empty, { signal }), "store", key);
    try {
      await this.#append(reserved === undefined ? bytes : releaseContentSize(reserved));
    } catch (error) {
      // The server refuses both forms: its first answer counts.
      throw error instanceof ZstashError && error.effect === undefined ? refusal : error;
    }
    for (const piece of pieces.sort((a, b) => a.offset - b.offset)) await this.#append(piece.bytes);
  }

  async #append(bytes: Uint8Array): Promise<void> {
    const expected = (this.#appended ?? 0) + bytes.length;
    let found: number | undefined;
    for (let attempt = 1; found === undefined; attempt++) {
      found = await this.#appendOnce(bytes, attempt === APPEND_ATTEMPTS);
    }
    const { key, onSent } = this.#options;
    if (found !== expected) throw cannotStore(key, `${expected} bytes were appended, got ${found}`);
    this.#appended = expected;
    onSent(bytes.length);
  }

  /**
   * Appends a piece and returns the value's new length; undefined if APPEND was lost and has not run. APPEND must not
   * run twice, so the client does not repeat it if it may have run: the length tells whether it has.
   */
  async #appendOnce(bytes: Uint8Array, last: boolean): Promise<number | undefined> {
    const { key, temporary, signal } = this.#options;
    const length = async (command: RestCommand): Promise<number> =>
      requireNumber(await this.#client.command(command, { signal }), "store", key);
    try {
      return await length(["APPEND", temporary, bytes]);
    } catch (error) {
      const lost = error instanceof ZstashError && error.effect === "unknown" && !signal.aborted;
      if (!lost || last) throw error;
      const found = await length(["STRLEN", temporary]);
      return found === this.#appended ? undefined : found;
    }
  }

  async #create(): Promise<void> {
    const { key, temporary, signal } = this.#options;
    // The first piece, which comes last, replaces the mark. NX: a late duplicate SET would erase pieces. The key is
    // random, so an existing one is ours.
    const command = ["SET", temporary, UPLOAD_MARK, "PX", TEMPORARY_TTL, "NX"];
    const reply = await this.#client.command(command, { signal, repeatable: true });
    requireReply(reply, "store", key);
    // The key is renewed even while the source pauses: otherwise it would look left behind.
    this.#stopRenewal = every(this.#options.renewal.interval, () => void this.#renew());
  }

  /**
   * Extends the key's life. Only a key that is gone fails the upload: after another failure it has ten minutes left.
   */
  async #renew(): Promise<void> {
    const { key, temporary, signal, renewal } = this.#options;
    for (let attempt = 1; attempt <= RENEWAL_ATTEMPTS && !this.#stopped.signal.aborted; attempt++) {
      try {
        if (!(await renew(this.#client, temporary, key, signal))) this.#failure ??= { error: keyGone(key) };
        return;
      } catch {
        await delay(renewal.pause, this.#stopped.signal).catch(() => undefined);
      }
    }
  }

  #stopRenewing(): void {
    this.#stopRenewal?.();
    this.#stopped.abort();
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
      throw error.code === "REDIS" && !aboutCommand.test(reply.text) ? new RefusedForm(error) : error;
    }
    if (requireNumber(reply, "store", key) >= offset + bytes.length) return;
    throw cannotStore(key, "a piece did not arrive whole");
  }
}

/** A refusal that may concern the form of the request and not the command. */
class RefusedForm extends Error {
  override readonly name = "RefusedForm";
  readonly refusal: ZstashError;

  constructor(refusal: ZstashError) {
    super(refusal.message);
    this.refusal = refusal;
  }
}
