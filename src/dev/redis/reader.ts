/** The user of a started redis-server as whom the commands of read-only tokens run, scripts above all. */
import type { CommandBytes } from "../backend.ts";
import { utf8 } from "../text.ts";

export const READER_NAME = "zstash-reader";

/**
 * What the user may run: Redis holds scripts to it as well, command by command, and to reading. Commands that list keys
 * are left out, for a read-only token is for keys whose names its owner knows.
 */
const RIGHTS =
  "reset on ~* &* -@all +@read -keys -scan -randomkey +eval_ro +evalsha_ro +fcall_ro +ping +echo +time +info +pubsub";

/** The command that makes the user. Servers before 7.0, which have no scripts that only read, do not know all of it. */
export function createReader(password: string): CommandBytes {
  return ["ACL", "SETUSER", READER_NAME, ...RIGHTS.split(" "), `>${password}`].map(utf8);
}
