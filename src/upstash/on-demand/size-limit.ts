/** Requests that exceed the size limit of a server: they are sent in parts, or refused. */
import { ZstashError, type Effect } from "../../errors.ts";
import { isReadCommand, isRepeatableBatch } from "../../rest/repeatable.ts";
import type { RestCommand } from "../../rest/rest-command.ts";
import { cleanServerText } from "../../rest/server-error.ts";
import { batchErrorText } from "../batch-error.ts";
import type { CommandArguments } from "../commands.ts";
import type { CommandReply, Outgoing, RequestKind, Send } from "../plan.ts";
import { bodySize, jsonSize, limitIn, replyAdvice, requestAdvice } from "./size-advice.ts";
import { asSizeError, isRequestLimit } from "../size-error.ts";

const NOT_SENT =
  "ZSTASH_REDIS Cannot run the command: it was not sent, because an earlier part of its pipeline failed";

/** Refuses a request that cannot be divided if it exceeds the limit. */
export function requireSize(outgoing: Outgoing, kind: RequestKind, limit: number): void {
  const size = bodySize(outgoing, kind === "command");
  if (size > limit) throw tooLarge(outgoing, size, limit);
}

/**
 * Sends a pipeline in as many requests as its size requires, in order: its commands depend only on their order. If a
 * later request fails, earlier commands have run and their replies are returned; each command of the failed request
 * fails, and so do those that were not sent after it.
 */
export async function sendInParts(
  commands: readonly CommandArguments[],
  limit: number,
  strict: boolean,
  send: Send,
): Promise<unknown> {
  const replies: CommandReply[] = [];
  const parts = [...divide(commands, limit)];
  for (const part of parts) {
    try {
      if (strict && part.size > limit) {
        // `divide` gives an oversized command its own part.
        replies.push({ error: batchErrorText(tooLarge(part, part.size, limit)) });
        continue;
      }
      const answer = await send(part).catch((error: unknown) => sendInHalves(error, part, true, send));
      if (!Array.isArray(answer)) return answer;
      replies.push(...(answer as CommandReply[]));
    } catch (error) {
      if (replies.length === 0 || !(error instanceof Error)) throw error;
      const text = failureText(error);
      replies.push(...part.commands.map(() => ({ error: text })));
      // A size error says nothing about the others; a failed connection may have lost this part.
      if (isRequestLimit(error)) continue;
      while (replies.length < commands.length) replies.push({ error: NOT_SENT });
      break;
    }
  }
  return replies;
}

/**
 * Sends the commands of a failed request again in two halves, if the server says that the body or the reply is too
 * large and the commands may run twice. Every other error is thrown; a size error without the commands that the SDK
 * repeats in it.
 */
export async function sendInHalves(
  thrown: unknown,
  outgoing: Outgoing,
  divisible: boolean,
  send: Send,
): Promise<unknown> {
  const { commands, offset = 0 } = outgoing;
  const repeatable = isRepeatableBatch(commands as readonly RestCommand[]);
  const error = explainSizeError(thrown, outgoing, divisible);
  if (!isRequestLimit(error) || !divisible || !repeatable) throw error;
  if (commands.length === 1) return [{ error: batchErrorText(error) }];
  const replies: CommandReply[] = [];
  const middle = commands.length >> 1;
  for (const half of [
    { commands: commands.slice(0, middle), offset },
    { commands: commands.slice(middle), offset: offset + middle },
  ]) {
    const answer = await send(half).catch((failure: unknown) => sendInHalves(failure, half, true, send));
    if (!Array.isArray(answer)) return answer;
    replies.push(...(answer as CommandReply[]));
  }
  return replies;
}

/** Divides commands into parts whose JSON stays below the limit; a command that exceeds it is a part of its own. */
function* divide(
  commands: readonly CommandArguments[],
  limit: number,
): Generator<Outgoing & { readonly size: number }, void, undefined> {
  let from = 0;
  let size = 2;
  for (const [index, command] of commands.entries()) {
    const next = jsonSize(command) + 1;
    if (index > from && size + next > limit) {
      yield { commands: commands.slice(from, index), offset: from, size };
      [from, size] = [index, 2];
    }
    size += next;
  }
  yield { commands: commands.slice(from), offset: from, size };
}

function tooLarge(outgoing: Outgoing, size: number, limit: number): ZstashError {
  const what = outgoing.commands.length > 1 ? "the transaction" : "the command";
  const reason = `a request may have ${limit} bytes, got ${size}`;
  return new ZstashError(
    "REQUEST_LIMIT",
    `Cannot send ${what}: ${reason}: ${requestAdvice(outgoing.commands, limit)}`,
    { effect: "none" },
  );
}

/** Errors that say already what to do: of two middlewares on a client, each sees them. */
const explained = new WeakSet<ZstashError>();

/**
 * Turns a server's size error into ours, which says what to do. The text is the same for a request, which has not run,
 * and for a reply, whose commands have run: a request that exceeds the limit that the text names was refused.
 */
function explainSizeError(thrown: unknown, outgoing: Outgoing, divisible: boolean): unknown {
  const error = asSizeError(thrown);
  if (!isRequestLimit(error) || explained.has(error)) return error;
  const { commands } = outgoing;
  const limit = limitIn(error.message);
  // The status of a refused request says so, too.
  const refused =
    error.effect === "none" || (limit !== undefined && bodySize(outgoing, commands.length === 1) > limit);
  const { advice, effect } = refused
    ? { advice: requestAdvice(commands, limit), effect: "none" as const }
    : afterReply(commands, limit !== undefined && !(divisible && commands.length > 1));
  const full = error.with({ message: `${error.message}: ${advice}`, effect });
  explained.add(full);
  return full;
}

/** `certain` if the error is about the reply, so that a command or a whole transaction has run. */
function afterReply(
  commands: Outgoing["commands"],
  certain: boolean,
): { readonly advice: string; readonly effect: Effect } {
  const advice = replyAdvice(commands);
  if (commands.every(([name]) => isReadCommand(String(name).toUpperCase())))
    return { advice, effect: "none" };
  const what = commands.length > 1 ? "the commands have" : "the command has";
  if (certain) return { advice: `${what} run, only the reply is too large; ${advice}`, effect: "done" };
  return { advice: `whether ${what} run is unknown; if so, ${advice}`, effect: "unknown" };
}

/**
 * The text with which the commands of a failed part fail. From other clients' errors only a server's text is
 * repeated.
 */
function failureText(error: Error): string {
  if (error instanceof ZstashError) return batchErrorText(error);
  const reason = error.name === "UpstashError" ? cleanServerText(error.message) : "the client failed";
  return `ZSTASH_REDIS Cannot run the command: ${reason}`;
}
