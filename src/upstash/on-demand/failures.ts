/** One error for a reply in which several values do not decode. */
import type { ZstashError } from "../../errors.ts";
import type { PlannedReply } from "../plan.ts";

/** The most keys that an error message names; all are in `keys`. */
const NAMED_KEYS = 10;

/** The error of a reply: the first of its failures, with the keys of all. */
export function combineFailures(failures: readonly ZstashError[], { name }: PlannedReply): ZstashError {
  const [cause] = failures as readonly [ZstashError];
  const keys = [...new Set(failures.map(({ key }) => key!))];
  const key = keys.length === 1 ? keys[0] : undefined;
  if (failures.length === 1) return cause.with({ key, keys, cause });
  const shown = keys.slice(0, NAMED_KEYS).map((one) => JSON.stringify(one));
  const more = keys.length > shown.length ? ` and ${keys.length - shown.length} more` : "";
  const values = `${failures.length} values of ${shown.join(", ")}${more}`;
  const message = `Cannot decode ${values} (${name}): the first is ${cause.code}`;
  return cause.with({ message, key, keys, cause });
}
