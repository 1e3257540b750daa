import { DEFAULT_REQUEST_SIZE } from "../limits.ts";
import type { Stored } from "../value/carrier.ts";
import type { CommandArguments } from "./commands.ts";
import type { Settings } from "./options.ts";
import type { RequestKind } from "./sdk-request.ts";

/** Commands as they are to be sent: values encoded, one of them perhaps as bytes. */
export interface Outgoing {
  readonly commands: readonly CommandArguments[];
  /** The number of the first of the commands in the request they are from. Default 0. */
  readonly first?: number;
  /** The one command with its value as text, where it holds bytes. */
  readonly text?: (() => CommandArguments) | undefined;
}

/** Sends commands as one request; the answer is a reply, or a list of them where they came as one. */
export type Send = (outgoing: Outgoing) => Promise<unknown>;

/**
 * Sends commands in as many requests as their size asks for. A pipeline is divided between its commands; what cannot
 * be divided is refused where `maxRequestSize` was given, and else left to the server, whose plan may allow more.
 *
 * @throws {ZstashError} REQUEST_LIMIT
 */
export async function sendCommands(
  outgoing: Outgoing,
  kind: RequestKind,
  { maxRequestSize }: Settings,
  send: Send,
): Promise<unknown> {
  const limit = maxRequestSize ?? DEFAULT_REQUEST_SIZE;
  const { commands } = outgoing;
  const divisible = kind === "pipeline" && commands.length > 1;
  if ((divisible || maxRequestSize !== undefined) && mayPass(commands, limit)) {
    const { requireSize, sendInParts } = await import("./on-demand.ts");
    if (divisible) return sendInParts(commands, limit, maxRequestSize !== undefined, send);
    requireSize(outgoing, kind, limit);
  }
  try {
    return await send(outgoing);
  } catch (error) {
    const { sendInHalves } = await import("./on-demand.ts");
    return sendInHalves(error, outgoing, divisible, send);
  }
}

/** Whether commands may take more than `limit` bytes in JSON, at six a character, without writing them. */
function mayPass(commands: readonly CommandArguments[], limit: number): boolean {
  let size = 2;
  for (const command of commands) {
    size += 3;
    for (const argument of command) {
      const length = typeof argument === "string" ? 6 * argument.length : bytesOf(argument as Stored);
      size += length + 3;
      if (size > limit) return true;
    }
  }
  return false;
}

/** Bytes of a number or a boolean in JSON, at most; and of bytes. */
function bytesOf(argument: Stored): number {
  return argument instanceof Uint8Array ? argument.length : 30;
}
