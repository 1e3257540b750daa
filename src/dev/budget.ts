/** Limits the bytes that a listening server holds at once: bodies that it reads, and replies that wait for readers. */
import type { RespValue } from "../rest/resp.ts";
import { isReadCommand } from "../rest/repeatable.ts";
import { commandName, SCRIPTS } from "./backend.ts";
import type { CommandBytes } from "./backend.ts";
import { replySize } from "./reply.ts";
import { toBinary, toText } from "./text.ts";

/** Bodies and replies up to this size, in bytes, are not counted: the number of connections limits them. */
export const SMALL = 65_536;
/** The default of the bytes that all counted requests may hold together. */
export const MEMORY_DEFAULT: number = 64 * 1024 * 1024;
/** How many commands may run at once whose reply is dropped if there is no room for it. */
const MAX_PROBES = 2;
/** The most commands that are remembered for their large replies. */
const MAX_KNOWN = 1_000;

/** Commands whose replies are always short; SET too, without GET. */
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

  /** @param limit The most bytes that all requests hold together; a request that needs more gets it alone. */
  constructor(limit: number = MEMORY_DEFAULT) {
    this.#limit = limit;
  }

  /** True if requests are waiting for others to release bytes. */
  get isContended(): boolean {
    return this.#queue.length > 0;
  }

  /** Opens the share of one request, which is empty at first. */
  open(): Share {
    return new Share(this);
  }

  /** Takes bytes at once, if they are free. */
  tryTake(share: Share, bytes: number): boolean {
    if (this.#used + Math.min(bytes, this.#limit) > this.#limit) return false;
    this.change(share, bytes);
    return true;
  }

  /** Resolves when the share has the bytes. Rejects when the signal aborts. */
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

  /** Sets the number of bytes that a share holds, whether they are free or not. */
  change(share: Share, bytes: number): void {
    this.#used += bytes - share.held;
    share.held = bytes;
    this.#serve();
  }

  /**
   * Runs commands when there is room for their replies. While there is none, commands that only read run all the
   * same, a few at a time: a reply that is too large is dropped, and the commands run again in their turn. So small
   * requests do not wait for slow readers of large replies.
   *
   * @param reserved The most bytes that the response may take.
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
    // Writes cannot be tried. One of them may exceed the limit.
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
      // Another request may have found this out meanwhile.
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
   * Grants free bytes in turn to the request that has waited longest and to the newest one: nobody waits forever, and
   * a queue of slow clients does not hold up a new one.
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

/** The bytes that one request holds. */
export class Share {
  /** Only the budget sets this. */
  held = 0;
  readonly #budget: ByteBudget;

  constructor(budget: ByteBudget) {
    this.#budget = budget;
  }

  get budget(): ByteBudget {
    return this.#budget;
  }

  /** Sets the bytes to what the request really holds now. */
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
