/** Writes values in the place of those that were read, each only if it has not changed, and keeps times to live. */
import { ZstashError } from "../../errors.ts";
import type { RestClient } from "../../rest/client.ts";
import type { RespValue } from "../../rest/resp.ts";
import { URL_MAX, type RestCommand } from "../../rest/rest-command.ts";
import { serverError } from "../../rest/server-error.ts";
import { readUtf8 } from "../../text.ts";
import { findMethod, isDone, TOGETHER_HEAD } from "./method.ts";
import type { BytesTogether, Method, Replacement } from "./method.ts";
import { isNoScript, loadAgain, withScripts } from "./scripts.ts";

/** A value that is to be replaced: a string, or a field of a hash. */
export type Change = Replacement;

/** Finds the way to compare and set that a server has, beside a key that is to be written. */
export type FindMethod = (client: RestClient, key: string) => Promise<Method>;

/**
 * The result of a change. "changed": another value was there. "lost": unknown, because the reply was lost. Both are
 * to be read again. "refused": the token may not write this key. "unsent": no request can carry these bytes to this
 * key.
 */
export type Swapped = "done" | "changed" | "lost" | "refused" | "unsent";

/** Text values up to this size are sent together, in bytes. */
const TOGETHER = 64 << 10;
/** The most bytes and commands of one pipeline. */
const BATCH_SIZE = 1 << 20;
const BATCH_COUNT = 128;
/** Values that are sent at the same time, each in a request of its own. */
const CONCURRENCY = 16;

/** Replaces values on one server. */
export class Swapper {
  readonly #client: RestClient;
  readonly #find: FindMethod;
  #method: Promise<Method> | undefined;
  #found: Method | undefined;
  /** The last failure by which a reply was lost. */
  lost: ZstashError | undefined;

  constructor(client: RestClient, find: FindMethod = findMethod) {
    this.#client = client;
    this.#find = find;
  }

  /** The way in which values are compared and set; undefined before the first. */
  get methodName(): Method["name"] | undefined {
    return this.#found?.name;
  }

  /**
   * Carries out changes, and returns the result of each, in their order.
   *
   * @throws {ZstashError} UNSUPPORTED if the server cannot compare and set; REDIS if it refuses every write
   */
  async swap(changes: readonly Change[]): Promise<Swapped[]> {
    if (changes.length === 0) return [];
    this.#method ??= this.#find(this.#client, changes[0]!.key);
    const method = await this.#method;
    this.#found = method;
    const results: Swapped[] = changes.map(() => "unsent");
    const alone: number[] = [];
    let batch: { readonly index: number; readonly command: RestCommand }[] = [];
    let held = 0;
    const batches: (typeof batch)[] = [];
    for (const [index, change] of changes.entries()) {
      const { value } = change;
      const isSmall = value.length <= TOGETHER || !method.takesBytes;
      const text = isSmall ? readUtf8(value) : undefined;
      if (text === undefined) {
        alone.push(index);
        continue;
      }
      batch.push({ index, command: method.textCommand(change, text) });
      held += value.length;
      if (held < BATCH_SIZE && batch.length < BATCH_COUNT) continue;
      batches.push(batch);
      [batch, held] = [[], 0];
    }
    if (batch.length > 0) batches.push(batch);
    for (const one of batches) {
      const swapped = await this.#sendTogether(method, one);
      for (const [at, { index }] of one.entries()) results[index] = swapped[at]!;
    }
    const groups = groupsOf(alone, changes, method.together);
    await inParallel(groups, CONCURRENCY, async (group) => {
      const swapped =
        group.length === 1
          ? [await this.#sendAlone(method, changes[group[0]!]!)]
          : await this.#sendBytes(
              method,
              group.map((index) => changes[index]!),
            );
      for (const [at, index] of group.entries()) results[index] = swapped[at]!;
    });
    return results;
  }

  /** Sends the bytes of several changes in one request, and each alone if the server refuses the request. */
  async #sendBytes(method: Method, changes: readonly Change[]): Promise<readonly Swapped[]> {
    const reply = await this.#orLost(() => method.together!.send(changes));
    if (reply === undefined) return changes.map(() => "lost");
    if (reply.kind === "array" && reply.items?.length === changes.length) return reply.items.map(outcomeOf);
    // Keys in several slots, a key that the token may not write, or a server that was restarted.
    const results: Swapped[] = [];
    for (const change of changes) results.push(await this.#sendAlone(method, change));
    return results;
  }

  /** Sends text commands in one request, and each alone if the server finds that too long. */
  async #sendTogether(
    method: Method,
    batch: readonly { readonly command: RestCommand }[],
  ): Promise<readonly Swapped[]> {
    try {
      return await this.#sendBatch(method, batch);
    } catch (error) {
      if (!isTooLong(error)) throw error;
      if (batch.length === 1) return ["unsent"];
      const results: Swapped[] = [];
      for (const one of batch) results.push(...(await this.#sendTogether(method, [one])));
      return results;
    }
  }

  async #sendBatch(
    method: Method,
    batch: readonly { readonly command: RestCommand }[],
  ): Promise<readonly Swapped[]> {
    const commands = batch.map(({ command }) => command);
    const results: (Swapped | undefined)[] = commands.map(() => undefined);
    let left = commands.map((_, at) => at);
    for (let attempt = 1; left.length > 0; attempt++) {
      const sent = left;
      const some = sent.map((at) => commands[at]!);
      const replies = await this.#orLost(() => this.#client.batch("pipeline", some));
      left = [];
      for (const [index, at] of sent.entries()) {
        const reply = replies?.[index];
        if (reply === undefined) results[at] = "lost";
        else if (isNoScript(reply)) left.push(at);
        else results[at] = outcomeOf(reply);
      }
      if (left.length > 0) await loadAgain(method, attempt);
    }
    return results as Swapped[];
  }

  async #sendAlone(method: Method, change: Change): Promise<Swapped> {
    const send = async (): Promise<RespValue | "unsent"> => method.sendBytes(change);
    let reply: RespValue | "unsent" | undefined;
    try {
      reply = await withScripts(method, () => this.#orLost(send));
    } catch (error) {
      if (!isTooLong(error)) throw error;
      return "unsent";
    }
    if (reply === undefined) return "lost";
    return reply === "unsent" ? reply : outcomeOf(reply);
  }

  /** The result; undefined if a reply was lost, so that the commands may have run. */
  async #orLost<Result>(send: () => Promise<Result>): Promise<Result | undefined> {
    try {
      return await send();
    } catch (error) {
      if (!(error instanceof ZstashError) || error.effect !== "unknown") throw error;
      this.lost = error;
      return undefined;
    }
  }
}

/** Divides the changes into groups that one request carries, by their indexes. */
function groupsOf(
  indexes: readonly number[],
  changes: readonly Change[],
  together: BytesTogether | undefined,
): (readonly number[])[] {
  if (together === undefined) return indexes.map((index) => [index]);
  const groups: (readonly number[])[] = [];
  let group: number[] = [];
  let [length, size] = [TOGETHER_HEAD, 0];
  for (const index of indexes) {
    const { value } = changes[index]!;
    const cost = value.length > TOGETHER ? undefined : together.costOf(changes[index]!);
    if (cost === undefined) {
      groups.push([index]);
      continue;
    }
    if (group.length > 0 && (length + cost > URL_MAX || size + value.length > BATCH_SIZE)) {
      groups.push(group);
      [group, length, size] = [[], TOGETHER_HEAD, 0];
    }
    group.push(index);
    length += cost;
    size += value.length;
  }
  if (group.length > 0) groups.push(group);
  return groups;
}

/** Returns true for the error of a request above the server's limit; nothing of it has run. */
function isTooLong(error: unknown): boolean {
  return error instanceof ZstashError && error.code === "REQUEST_LIMIT";
}

function outcomeOf(reply: RespValue): Swapped {
  if (isDone(reply)) return "done";
  if (reply.kind !== "error") return "changed";
  // Redis puts "ERR" before the error of a script's command.
  if (/\bWRONGTYPE\b/.test(reply.text)) return "changed";
  if (/\bNOPERM\b/.test(reply.text)) return "refused";
  throw serverError("write a value", reply.text);
}

/** Runs work on every item, a given number at once. The first failure is thrown after all started work has ended. */
export async function inParallel<Item>(
  items: readonly Item[],
  most: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  let next = 0;
  const run = async (): Promise<void> => {
    while (next < items.length) await work(items[next++]!);
  };
  const runs = await Promise.allSettled(Array.from({ length: Math.min(most, items.length) }, run));
  for (const one of runs) if (one.status === "rejected") throw one.reason;
}
