/** Encodes the values of a request, so that its commands are ready to be sent. */
import type { Zstd } from "../codec/zstd.ts";
import type { Carrier, Stored } from "../value/carrier.ts";
import { encodeWrite, storedAsText, type CodecFailure } from "../value/encode.ts";
import type { CommandArguments } from "./commands.ts";
import type { Outgoing, PlannedWrite, RawForm, RequestPlan, Transport } from "./plan.ts";
import type { Settings } from "./settings.ts";

/**
 * Returns the commands with their values encoded: the same array if nothing changes, and never a changed argument
 * array.
 */
export function encodeCommands(
  codec: Zstd | CodecFailure | undefined,
  plan: RequestPlan,
  settings: Settings,
  transport: Transport | undefined,
): Outgoing {
  const encoded = new EncodedCommands(plan, transport);
  for (const write of plan.writes) {
    encoded.put(write, encodeWrite(codec, write.value, settings, encoded.carrier(write)));
  }
  return encoded.outgoing;
}

/** Commands whose values are replaced by what is stored for them. */
export class EncodedCommands {
  readonly #plan: RequestPlan;
  readonly #transport: Transport | undefined;
  #commands: CommandArguments[] | undefined;
  #path: string | undefined;
  #raw: RawForm | undefined;

  constructor(plan: RequestPlan, transport: Transport | undefined) {
    this.#plan = plan;
    this.#transport = transport;
  }

  /**
   * Chooses how a value is sent: as bytes if it is the only one in its request and the request is not a transaction.
   */
  carrier({ commandIndex, position, value }: PlannedWrite): Carrier {
    const { kind, commands, writes } = this.#plan;
    if (this.#transport === undefined || kind === "multi-exec") return "text";
    if (commands.length > 1 || writes.length > 1) return "text";
    this.#path = this.#transport.rawPath(commands[commandIndex]!, position, value.askedCarrier);
    return this.#path === undefined ? "text" : "raw";
  }

  /** Replaces a value by what is stored for it. */
  put({ commandIndex, position, value }: PlannedWrite, stored: Stored): void {
    if (stored === value.text) return;
    const original = this.#plan.commands[commandIndex]!;
    this.#commands ??= [...this.#plan.commands];
    if (this.#commands[commandIndex] === original) this.#commands[commandIndex] = [...original];
    (this.#commands[commandIndex] as unknown[])[position] = stored;
    if (typeof stored === "string") return;
    const asText = (): CommandArguments =>
      original.map((argument, index) => (index === position ? storedAsText(stored, value) : argument));
    this.#raw = { path: this.#path!, asText };
  }

  get outgoing(): Outgoing {
    return { commands: this.#commands ?? this.#plan.commands, raw: this.#raw };
  }
}
