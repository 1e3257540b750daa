import type { RespValue } from "../../rest/resp.ts";
import type { Arguments } from "./arguments.ts";
import type { Keyspace } from "./keyspace.ts";

/** A command: how many arguments it takes, its name included (exactly, or at least if negative), and what it does. */
export type Command = readonly [arity: number, run: (keyspace: Keyspace, args: Arguments) => RespValue];

/** Commands by upper-case name. */
export type CommandTable = Readonly<Record<string, Command>>;
