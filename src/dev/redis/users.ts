/** The users of a started redis-server, to which Redis holds scripts command by command: one that reads, one that writes. */
import type { RespValue } from "../../rest/resp.ts";
import { COMMANDS } from "../commands.ts";
import type { CommandBytes } from "../backend.ts";
import { toText, utf8 } from "../text.ts";

/** The user as whom the commands of read-only tokens run. */
export const READER_NAME = "zstash-reader";
/** The user as whom the scripts of all other tokens run. */
export const SCRIPTS_NAME = "zstash-scripts";

/**
 * What the reader may run: reads alone. Commands that list keys are left out, for a read-only token is for keys whose names
 * its owner knows. PFCOUNT, a read, notes in the value what it has counted.
 */
const READS =
  "-@all +@read -keys -scan -randomkey +eval_ro +evalsha_ro +fcall_ro +ping +echo +time +info +pubsub";

/**
 * Left out of Upstash's commands for scripts. Outside of scripts these pass by their subcommands, which the server reads.
 */
const NOT_IN_SCRIPTS: ReadonlySet<string> = new Set(["CONFIG", "ACL", "MEMORY"]);
/** What a connection needs beside Upstash's commands. */
const OF_CONNECTION = "+multi +exec +discard +memory|usage";

/** The command that makes the reader. Servers before 7.0, which have no scripts that only read, do not know all of it. */
export function createReader(password: string): CommandBytes {
  return createUser(READER_NAME, READS.split(" "), password);
}

/**
 * The command that makes the user of scripts: it may run Upstash's commands, as far as the server has them, and no others. A
 * script could else do what is refused outside: MIGRATE, which waits for another machine, SWAPDB, SELECT, SLOWLOG.
 *
 * @param list The reply to COMMAND LIST, which Redis has since 7.0; undefined is returned for any other.
 */
export function createScriptUser(password: string, list: RespValue | undefined): CommandBytes | undefined {
  if (list?.kind !== "array" || list.items === null) return undefined;
  const names = list.items.flatMap((name) =>
    name.kind === "bulk" && name.bytes !== null ? [toText(name.bytes).toUpperCase()] : [],
  );
  const allowed = names.filter((name) => COMMANDS.has(name) && !NOT_IN_SCRIPTS.has(name));
  return createUser(
    SCRIPTS_NAME,
    ["-@all", ...allowed.map((name) => `+${name}`), ...OF_CONNECTION.split(" ")],
    password,
  );
}

function createUser(name: string, rights: readonly string[], password: string): CommandBytes {
  return ["ACL", "SETUSER", name, "reset", "on", "~*", "&*", ...rights, `>${password}`].map(utf8);
}
