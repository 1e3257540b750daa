/**
 * Asks the backend on behalf of the page: read-only commands from texts and bytes, and their replies as plain values.
 */
import type { RespValue } from "../../rest/resp.ts";
import type { Backend } from "../backend.ts";
import { toText, utf8 } from "../text.ts";

/** An argument of a command. */
export type Argument = string | number | Uint8Array;

/** Sends one command. An error reply stays a reply. */
export function ask(backend: Backend, ...command: readonly Argument[]): Promise<RespValue> {
  return backend.execute(
    command.map((argument) => (argument instanceof Uint8Array ? argument : utf8(`${argument}`))),
  );
}

export function integerOf(reply: RespValue | undefined): number | undefined {
  return reply?.kind === "integer" ? Number(reply.value) : undefined;
}

/** The bytes of a bulk string; empty for any other reply. */
export function bytesOf(reply: RespValue | undefined): Uint8Array {
  return (reply?.kind === "bulk" ? reply.bytes : undefined) ?? new Uint8Array(0);
}

export function itemsOf(reply: RespValue | undefined): readonly RespValue[] {
  return (reply?.kind === "array" ? reply.items : undefined) ?? [];
}

/** A status or a bulk string as text. */
export function textOf(reply: RespValue | undefined): string {
  return reply?.kind === "status" ? reply.text : toText(bytesOf(reply));
}
