/**
 * The users of a started redis-server, whose rights Redis checks for each command of a script: one that reads, one
 * that writes.
 */
import type { RespValue } from "../../rest/resp.ts";
import { COMMANDS } from "../commands.ts";
import type { CommandBytes } from "../backend.ts";
import { toText, utf8 } from "../text.ts";

/** The user that runs the commands of read-only tokens. */
export const READER_NAME = "zstash-reader";
/** The user that runs the scripts of all other tokens. */
export const SCRIPTS_NAME = "zstash-scripts";

/**
 * What the reader may run: only reads. Commands that list keys are left out, because a read-only token is for keys
 * whose names its owner knows. PFCOUNT, a read, stores its result in the value.
 */
const READS =
  "-@all +@read -keys -scan -randomkey +eval_ro +evalsha_ro +fcall_ro +ping +echo +time +info +pubsub";

/**
 * Upstash's commands that scripts may not run. Outside of scripts they are allowed by subcommand, which the server
 * checks.
 */
const NOT_IN_SCRIPTS: ReadonlySet<string> = new Set(["CONFIG", "ACL", "MEMORY"]);
/** What a connection needs besides Upstash's commands. */
const OF_CONNECTION = "+multi +exec +discard +memory|usage";

/** The command that makes the reader. Servers before 7.0, which have no read-only scripts, do not know all of it. */
export function createReader(password: string): CommandBytes {
  return createUser(READER_NAME, READS.split(" "), password);
}

/**
 * The command that makes the user of scripts: it may run Upstash's commands, as far as the server has them, and no
 * others. Otherwise a script could do what is refused outside of scripts: MIGRATE, which waits for another machine,
 * SWAPDB, SELECT, SLOWLOG.
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
