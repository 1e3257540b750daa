import type { Zstd } from "../codec/zstd.ts";
import {
  planEncode,
  runEncode,
  type CodecFailure,
  type EncodePlan,
  type ValueSubject,
} from "../value/encode.ts";
import {
  findCommand,
  keyOfArgument,
  timeToLive,
  valuePositions,
  valueReply,
  type CommandArguments,
  type KnownCommand,
} from "./commands.ts";
import type { CompressionMode, Settings } from "./options.ts";
import type { ReplyPlan } from "./reply.ts";

/** A value among the arguments that is not sent as it is. */
interface PlannedValue {
  readonly command: number;
  readonly position: number;
  readonly subject: ValueSubject;
  readonly plan: EncodePlan;
}

/** What is to be done with a request and with its reply. */
export interface RequestPlan {
  readonly commands: readonly CommandArguments[];
  readonly writes: readonly PlannedValue[];
  /** By the number of the command; undefined where no reply holds values. */
  readonly reads: readonly (ReplyPlan | undefined)[] | undefined;
}

/** Finds the values of the commands and decides about each; no codec is needed yet. */
export function planRequest(
  commands: readonly CommandArguments[],
  mode: CompressionMode,
  settings: Settings,
): RequestPlan {
  const writes: PlannedValue[] = [];
  let reads: (ReplyPlan | undefined)[] | undefined;
  for (const [number, command] of commands.entries()) {
    const known = findCommand(command);
    if (known === undefined) continue;
    if (known.row.values !== undefined) planValues(command, number, known, mode, settings, writes);
    if (mode === "passthrough") continue;
    const reply = valueReply(command, known.row);
    if (reply !== undefined) (reads ??= [])[number] = { command, known, reply };
  }
  return { commands, writes, reads };
}

function planValues(
  command: CommandArguments,
  number: number,
  { name, row }: KnownCommand,
  mode: CompressionMode,
  settings: Settings,
  writes: PlannedValue[],
): void {
  const compression = mode === "on" || mode === "shadow" ? mode : "off";
  // Only a policy function asks for it.
  const ttl = typeof settings.policy === "function" ? timeToLive(command, row) : undefined;
  for (const position of valuePositions(command, row)) {
    const text = command[position];
    // Numbers and booleans go as they are, so that INCR and the like work on them.
    if (typeof text !== "string") continue;
    const subject: ValueSubject = { command: name, key: keyOfArgument(command, row, position), ttl };
    const plan = planEncode(text, subject, compression, settings);
    if (plan !== undefined) writes.push({ command: number, position, subject, plan });
  }
}

/** The commands with their values encoded; the same array where nothing changes, and never a changed argument array. */
export function encodeCommands(
  codec: Zstd | CodecFailure | undefined,
  { commands, writes }: RequestPlan,
  settings: Settings,
): readonly CommandArguments[] {
  const encoded = [...commands];
  let changed = false;
  for (const { command, position, subject, plan } of writes) {
    const text = commands[command]![position] as string;
    const stored = runEncode(codec, text, plan, subject, settings);
    if (stored === text) continue;
    if (encoded[command] === commands[command]) encoded[command] = [...commands[command]!];
    (encoded[command] as unknown[])[position] = stored;
    changed = true;
  }
  return changed ? encoded : commands;
}
