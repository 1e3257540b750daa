/** Refuses the blocking forms of commands that also have a non-blocking one, by parsing them as Redis does. */
import type { RespValue } from "../rest/resp.ts";
import { commandName } from "./backend.ts";
import type { CommandBytes } from "./backend.ts";
import { notAvailable } from "./rest-rules.ts";
import { toText } from "./text.ts";

/** The number of arguments after each option of XREAD or XREADGROUP, including options of newer servers. */
const STREAM_OPTIONS: Readonly<Record<string, number>> = { COUNT: 1, GROUP: 2, NOACK: 0, CLAIM: 1 };

/** The error for an XREAD or XREADGROUP that would wait; undefined for any other command. */
export function refuseBlocking(command: CommandBytes): RespValue | undefined {
  const name = commandName(command);
  return name === "XREAD" || name === "XREADGROUP" ? refuseWaiting(name, command) : undefined;
}

/**
 * Options stand before STREAMS, each with its arguments: a group may be called "streams", and a key "BLOCK". An
 * unknown option is refused with Redis' error, so that an option of a newer Redis cannot hide a BLOCK behind it.
 */
function refuseWaiting(name: string, command: CommandBytes): RespValue | undefined {
  for (let at = 1; at < command.length; at++) {
    const option = word(command[at]);
    if (option === "STREAMS") return undefined;
    if (option === "BLOCK") return refuse(notAvailable(name));
    const following = STREAM_OPTIONS[option];
    if (following === undefined) return refuse("ERR syntax error");
    at += following;
  }
  return undefined;
}

/** A word as Redis compares it: without regard to case, and up to the first NUL. */
function word(argument: Uint8Array | undefined): string {
  const bytes = argument ?? new Uint8Array(0);
  const end = bytes.indexOf(0);
  return toText(bytes.subarray(0, Math.min(32, end === -1 ? bytes.length : end))).toUpperCase();
}

function refuse(text: string): RespValue {
  return { kind: "error", text };
}
