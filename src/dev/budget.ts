/** Bounds the bytes that a listening server holds at once, in bodies that it reads and in replies that wait for readers. */
import type { RespValue } from "../rest/resp.ts";
import { isReadCommand } from "../rest/repeatable.ts";
import { commandName, SCRIPTS } from "./backend.ts";
import type { CommandBytes } from "./backend.ts";
import { replySize } from "./reply.ts";
import { toBinary, toText } from "./text.ts";

/** Bodies and replies up to this size are not counted: connections bound them. */
export const SMALL = 65_536;
/** What all counted requests hold at most, unless told otherwise. */
export const MEMORY_DEFAULT: number = 64 * 1024 * 1024;
/** Commands whose reply is dropped if there is no room for it run in this number. */
const MAX_PROBES = 2;
/** Commands that are known to have large replies. */
const MAX_KNOWN = 1_000;

/** Commands with short replies whatever they find; SET too, without GET. */
const SHORT_REPLIES: ReadonlySet<string> = new Set(
  (
    "SETEX PSETEX SETNX MSET MSETNX SETRANGE SETBIT GETBIT BITCOUNT INCR DECR INCRBY DECRBY INCRBYFLOAT APPEND STRLEN " +
    "DEL UNLINK EXISTS EXPIRE PEXPIRE EXPIREAT PEXPIREAT PERSIST TTL PTTL TYPE RENAME RENAMENX COPY TOUCH DBSIZE " +
    "HSET HSETNX HMSET HDEL HLEN HEXISTS HINCRBY HINCRBYFLOAT HSTRLEN LPUSH RPUSH LPUSHX RPUSHX LLEN LREM LSET LTRIM " +
    "LINSERT SADD SREM SCARD SISMEMBER ZADD ZREM ZCARD ZINCRBY ZSCORE ZRANK XADD XLEN XDEL XTRIM PFADD PFCOUNT " +
    "PUBLISH PING TIME SELECT FLUSHALL FLUSHDB SCRIPT FUNCTION CONFIG"
  ).split(" "),
);

interface Waiter {
  readonly share: Share;
  readonly bytes: number;
  readonly limit: number;
  grant(): void;
}

/** The bytes of all requests. */
export class ByteBudget {
  #used = 0;
  #probes = 0;
  #newestFirst = false;
  readonly #limit: number;
  readonly #queue: Waiter[] = [];
  readonly #probeQueue: (() => void)[] = [];
  readonly #known = new Set<string>();

  /** @param limit what all hold at most; a request that needs more has it alone */
  constructor(limit: number = MEMORY_DEFAULT) {
    this.#limit = limit;
  }

  /** Whether requests wait for those that hold bytes. */
  get isContended(): boolean {
    return this.#queue.length > 0;
  }

  /** The share of one request, of nothing at first. */
  open(): Share {
    return new Share(this);
  }

  /** Take bytes at once, if they are free. */
  tryTake(share: Share, bytes: number): boolean {
    if (this.#used + Math.min(bytes, this.#limit) > this.#limit) return false;
    this.change(share, bytes);
    return true;
  }

  /** Resolves when the bytes are the share's. Rejects when the signal aborts. */
  take(share: Share, bytes: number, signal: AbortSignal, limit: number = this.#limit): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        this.#queue.splice(this.#queue.indexOf(waiter), 1);
        reject(signal.reason as Error);
        this.#serve();
      };
      const grant = (): void => {
        signal.removeEventListener("abort", abort);
        resolve();
      };
      const waiter: Waiter = { share, bytes, limit, grant };
      if (signal.aborted) return reject(signal.reason as Error);
      signal.addEventListener("abort", abort);
      this.#queue.push(waiter);
      this.#serve();
    });
  }

  /** Let a share hold a number of bytes from now on, whether they are free or not. */
  change(share: Share, bytes: number): void {
    this.#used += bytes - share.held;
    share.held = bytes;
    this.#serve();
  }

  /**
   * Run commands when there is room for their replies. While there is none, those that only read run all the same, few
   * at a time: a reply that is too large is dropped, and the commands run again when it is their turn. So whoever asks
   * for little does not wait behind readers of much that are slow.
   *
   * @param reserved the most bytes that the response may take
   */
  async run(
    share: Share,
    commands: readonly CommandBytes[],
    reserved: number,
    { work, signal }: { readonly work: () => Promise<readonly RespValue[]>; readonly signal: AbortSignal },
  ): Promise<readonly RespValue[]> {
    const hasRoom = share.held > 0 || commands.every(repliesShortly);
    if (hasRoom || (!this.isContended && this.tryTake(share, reserved))) return work();
    const isRead = commands.every((command) => isPlainRead(commandName(command)));
    // What writes cannot be tried. It may pass the limit, once over.
    if (!isRead) {
      await this.take(share, reserved, signal, 2 * this.#limit);
      return work();
    }
    const [first = []] = commands;
    const name = toBinary(
      (commands.length === 1 ? first[1] : undefined)?.subarray(0, 100) ?? new Uint8Array(0),
    );
    const known = `${commandName(first)} ${name}`;
    if (!this.#known.has(known)) {
      const replies = await this.#probe(share, known, work);
      if (replies !== undefined) return replies;
    }
    await this.take(share, reserved, signal);
    return work();
  }

  /** The replies, if there is room for them. */
  async #probe(
    share: Share,
    known: string,
    work: () => Promise<readonly RespValue[]>,
  ): Promise<readonly RespValue[] | undefined> {
    if (this.#probes >= MAX_PROBES) await new Promise<void>((resume) => this.#probeQueue.push(resume));
    else this.#probes += 1;
    try {
      // Another request may have found it out meanwhile.
      if (this.#known.has(known)) return undefined;
      const replies = await work();
      const size = replies.reduce((sum, reply) => sum + replySize(reply), 0);
      if (size <= SMALL || this.tryTake(share, 2 * size)) return replies;
      this.#known.add(known);
      const [oldest] = this.#known;
      if (this.#known.size > MAX_KNOWN && oldest !== undefined) this.#known.delete(oldest);
      return undefined;
    } finally {
      const next = this.#probeQueue.shift();
      if (next === undefined) this.#probes -= 1;
      else next();
    }
  }

  /**
   * Grants what is free to the one that has waited longest and to the one that came last, in turn: nobody waits for
   * good, and a queue of clients that will be slow does not hold up the next who comes.
   */
  #serve(): void {
    for (;;) {
      const next = this.#newestFirst ? this.#queue.at(-1) : this.#queue[0];
      if (next === undefined || this.#used + Math.min(next.bytes, this.#limit) > next.limit) return;
      this.#queue.splice(this.#queue.indexOf(next), 1);
      this.#newestFirst = !this.#newestFirst;
      this.#used += next.bytes - next.share.held;
      next.share.held = next.bytes;
      next.grant();
    }
  }
}

/** What one request holds. */
export class Share {
  /** Set by the budget alone. */
  held = 0;
  readonly #budget: ByteBudget;

  constructor(budget: ByteBudget) {
    this.#budget = budget;
  }

  get budget(): ByteBudget {
    return this.#budget;
  }

  /** Hold what the request now holds in truth. */
  settle(bytes: number): void {
    this.#budget.change(this, bytes > SMALL ? bytes : 0);
  }
}

function repliesShortly(command: CommandBytes): boolean {
  const name = commandName(command);
  if (name !== "SET") return SHORT_REPLIES.has(name);
  return !command.slice(3).some((option) => option.length === 3 && toText(option).toUpperCase() === "GET");
}

/** Reads that may run twice. */
function isPlainRead(name: string): boolean {
  return isReadCommand(name) && !SCRIPTS.has(name);
}
