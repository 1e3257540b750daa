import type { Zstd } from "../codec/zstd.ts";
import {
  LARGE_TEXT,
  planEncode,
  runEncode,
  storedText,
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
import type { Carrier, Stored } from "../value/carrier.ts";
import type { CompressionMode, Settings } from "./options.ts";
import type { RawTransport } from "./raw-transport.ts";
import type { ReplyPlan } from "./reply.ts";
import type { RequestKind } from "./sdk-request.ts";
import type { Outgoing } from "./send.ts";

/** A value among the arguments that is not sent as it is. */
interface PlannedValue {
  readonly command: number;
  readonly position: number;
  readonly subject: ValueSubject;
  readonly plan: EncodePlan;
}

/** What is to be done with a request and with its reply. */
export interface RequestPlan {
  readonly kind: RequestKind;
  readonly mode: CompressionMode;
  readonly commands: readonly CommandArguments[];
  readonly writes: readonly PlannedValue[];
  /** By the number of the command; undefined where no reply holds values. */
  readonly reads: readonly (ReplyPlan | undefined)[] | undefined;
}

/** Finds the values of the commands and decides about each; no codec is needed yet. */
export function planRequest(
  kind: RequestKind,
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
  return { kind, mode, commands, writes, reads };
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

/** Whether values are so large that encoding them at once would hold up the event loop. */
export function holdsLarge({ commands, writes }: RequestPlan): boolean {
  let size = 0;
  for (const { command, position } of writes) size += (commands[command]![position] as string).length;
  return size >= LARGE_TEXT;
}

/** The commands with their values encoded; the same array where nothing changes, and never a changed argument array. */
export function encodeCommands(
  codec: Zstd | CodecFailure | undefined,
  plan: RequestPlan,
  settings: Settings,
  raw: RawTransport | undefined,
): Outgoing {
  const encoded = new EncodedCommands(plan, raw);
  for (const value of plan.writes) {
    const { subject, plan: how } = value;
    encoded.put(value, runEncode(codec, encoded.text(value), how, subject, settings, encoded.carrier(value)));
  }
  return encoded.outgoing;
}

/** Commands in which values are replaced by what is stored for them. */
export class EncodedCommands {
  readonly #plan: RequestPlan;
  readonly #raw: RawTransport | undefined;
  #commands: CommandArguments[] | undefined;
  #text: (() => CommandArguments) | undefined;

  constructor(plan: RequestPlan, raw: RawTransport | undefined) {
    this.#plan = plan;
    this.#raw = raw;
  }

  text({ command, position }: PlannedValue): string {
    return this.#plan.commands[command]![position] as string;
  }

  /** One value a request travels as bytes; several are JSON, and so is a transaction. */
  carrier({ command, position }: PlannedValue): Carrier {
    const { kind, commands, writes } = this.#plan;
    const alone = kind !== "multi-exec" && commands.length === 1 && writes.length === 1;
    return alone && this.#raw?.carries(commands[command]!, position) === true ? "raw" : "text";
  }

  put(value: PlannedValue, stored: Stored): void {
    const { command: number, position, plan } = value;
    const text = this.text(value);
    if (stored === text) return;
    const before = this.#plan.commands[number]!;
    this.#commands ??= [...this.#plan.commands];
    if (this.#commands[number] === before) this.#commands[number] = [...before];
    (this.#commands[number] as unknown[])[position] = stored;
    if (typeof stored !== "string") {
      this.#text = () => {
        const otherwise = [...before];
        otherwise[position] = storedText(stored, text, plan);
        return otherwise;
      };
    }
  }

  get outgoing(): Outgoing {
    return { commands: this.#commands ?? this.#plan.commands, text: this.#text };
  }
}
