/**
 * Checks commands that work on stored bytes: they are refused on compressed lists, and with `guard` on any compressed
 * key.
 */
import { ZstashError } from "../../errors.ts";
import { askPolicy } from "../../value/policy.ts";
import { batchErrorText } from "../batch-error.ts";
import type { CommandArguments } from "../commands.ts";
import { isGuarded } from "../guard.ts";
import { comparesElements, listMode } from "../lists.ts";
import type { CommandReply, RequestCommands } from "../plan.ts";
import type { Settings } from "../settings.ts";

/**
 * Handles the commands that are not refused. In a pipeline only the refused commands fail; a single command or a
 * transaction is not sent.
 *
 * @throws {ZstashError} COMMAND_REFUSED
 */
export async function guardCommands(
  { commands, kind, mode }: RequestCommands,
  settings: Settings,
  handle: (allowed: readonly CommandArguments[]) => Promise<unknown>,
): Promise<unknown> {
  const errors = commands.map((command) => {
    // A client that gets stored texts may search for them.
    if (comparesElements(command))
      return mode === "passthrough" ? undefined : elementRefusal(command, settings);
    return settings.guard && isGuarded(command) ? refusal(command, settings) : undefined;
  });
  const first = errors.find((error) => error !== undefined);
  if (first === undefined) return handle(commands);
  if (kind !== "pipeline") throw first;
  const allowed = commands.filter((_, index) => errors[index] === undefined);
  const rest = allowed.length === 0 ? [] : await handle(allowed);
  if (!Array.isArray(rest)) return rest;
  const replies = (rest as readonly CommandReply[]).values();
  return errors.map((error) =>
    error === undefined ? replies.next().value : { error: batchErrorText(error) },
  );
}

/** The error of LREM, LPOS and LINSERT on a list whose elements may be compressed; undefined for any other list. */
function elementRefusal(command: CommandArguments, settings: Settings): ZstashError | undefined {
  const name = String(command[0]).toUpperCase();
  const key = String(command[1]);
  if (listMode(settings, name, key) === false) return undefined;
  return new ZstashError(
    "COMMAND_REFUSED",
    `Cannot run ${name} on ${JSON.stringify(key)}: it compares stored bytes, and the policy has lists of this key ` +
      "compressed; change the list by index (LRANGE, LSET, LTRIM), or let the policy say lists: false for it",
    { key },
  );
}

/** The arguments that are keys, `[first, last]`, if there are several; the last is counted from the end. */
const severalKeys: Readonly<Record<string, readonly [first: number, last: number]>> = {
  BITOP: [3, -1],
  LCS: [1, 2],
};

/** Commands that work on stored bytes and options that compare them, as a script names them. */
const ON_STORED_BYTES =
  /["'[](append|setrange|getrange|substr|strlen|hstrlen|setbit|getbit|bitcount|bitfield|bitfield_ro|bitpos|bitop|delex|digest|lcs|if(?:eq|ne|deq|dne))["'\]]/i;
/** The same for lists. */
const ON_STORED_ELEMENTS = /["'[](lrem|lpos|linsert)["'\]]/i;
const READS_ELEMENTS = /["'[](lrange|lindex|lpop|rpop|lmove|rpoplpush|lmpop)["'\]]/i;
/** Functions that take a value apart. */
const PARSES = /\b(cjson\.decode|cmsgpack\.unpack\w*|struct\.unpack)\b/;
/** Commands that read values. */
const READS = /["'[](getex|getdel|getset|get|mget|hget|hmget|hgetall|hvals|hgetex|hgetdel)["'\]]/i;
/** A comparison other than with nil, a boolean or a number: those ask only whether there is a value, or how many. */
const COMPARES = /[=~]=\s*(?!=|\s|(?:nil|true|false)\b|[-\d])/;
/** A command whose name is not a literal. */
const COMPUTED_NAME = /\bp?call\s*\(\s*(?!["'[\s])/;

/**
 * Why a script may work on stored bytes, including those of `lists`, judged by its text; undefined if nothing in it
 * does.
 */
function reasonOf(text: string, lists: boolean): string | undefined {
  const named =
    ON_STORED_BYTES.exec(text)?.[1] ??
    PARSES.exec(text)?.[1] ??
    (lists ? ON_STORED_ELEMENTS.exec(text)?.[1] : undefined);
  if (named !== undefined) return `its script uses ${named}`;
  if (COMPUTED_NAME.test(text)) return "its script computes the name of a command";
  const reads = READS.test(text) || (lists && READS_ELEMENTS.test(text));
  return reads && COMPARES.test(text) ? "its script reads values and compares" : undefined;
}

/** The keys of a guarded command, and why it is refused on compressed ones; undefined if it is not. */
function judged(
  name: string,
  command: CommandArguments,
  settings: Settings,
): { readonly keys: readonly unknown[]; readonly reason: string } | undefined {
  if (!/^(EVAL|FCALL)/.test(name)) {
    const [first, last] = severalKeys[name] ?? [1, 1];
    return {
      keys: command.slice(first, last < 0 ? undefined : last + 1),
      reason: "it works on stored bytes",
    };
  }
  const keys = command.slice(3, 3 + Number(command[2]));
  const reason = /^EVAL(_RO)?$/.test(name)
    ? reasonOf(
        String(command[1]),
        keys.some((key) => listMode(settings, name, String(key)) !== false),
      )
    : "what its script does to stored bytes is not known";
  return reason === undefined ? undefined : { keys, reason };
}

/**
 * The error of a guarded command, if the policy compresses values of one of its keys; undefined if the command is
 * allowed. A policy function is asked with size Infinity, for the largest possible value; one that fails compresses
 * nothing.
 *
 * A script is judged by its text, which may hide what it does. A script that is called by its hash, or as a function,
 * shows no text and is refused.
 */
function refusal(command: CommandArguments, settings: Settings): ZstashError | undefined {
  const { policy } = settings;
  const name = String(command[0]).toUpperCase();
  const found = judged(name, command, settings);
  if (found === undefined) return undefined;
  const compresses = (key: string): boolean => {
    if (typeof policy !== "function") return true;
    try {
      const subject = { command: name, key, size: Infinity, kind: "text", ttl: undefined } as const;
      return askPolicy(policy, { ...subject, carrier: "text", dictionary: undefined }) !== false;
    } catch {
      return false;
    }
  };
  const key = found.keys.map(String).find(compresses);
  if (key === undefined) return undefined;
  return new ZstashError(
    "COMMAND_REFUSED",
    `Cannot run ${name} on ${JSON.stringify(key)}: ${found.reason}, and the policy compresses this key; ` +
      "let the policy say false for it, or turn guard off",
    { key },
  );
}
