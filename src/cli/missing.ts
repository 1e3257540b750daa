/** The failure of commands on a key that does not exist. */
import { Failure } from "./command.ts";

/** The failure to throw; `doing` is the command's name. */
export function missing(doing: string, key: string): Failure {
  return new Failure(
    `Cannot ${doing} ${JSON.stringify(key)}: there is no such key. Check its name, and --url; it may have expired`,
  );
}
