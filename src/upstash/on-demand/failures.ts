/**
 * One error for a reply of which several values cannot be decoded, or are too large together: its message names them.
 */
import { ZstashError } from "../../errors.ts";
import type { PlannedReply } from "../plan.ts";
import { keysOfAll, type ReplyReads } from "../reply-budget.ts";

/** The most keys, or fields of one key, that an error message names; all keys are in `keys`. */
const NAMED_MAX = 10;

/** The error of a reply: the first of its failures, with the keys of all. */
export function combineFailures(failures: readonly ZstashError[], { name }: PlannedReply): ZstashError {
  const [cause] = failures as readonly [ZstashError];
  const keys = keysOfAll(failures);
  const key = keys.length === 1 ? keys[0] : undefined;
  if (failures.length === 1) return cause.with({ key, keys, cause });
  const fields = key === undefined ? [] : [...new Set(failures.flatMap(({ field }) => field ?? []))];
  const where = fields.length === 0 ? "" : `, fields ${namesOf(fields)}`;
  const what = `${valuesOf(failures.length, keys)}${where}`;
  const message = `Cannot decode ${what} (${name}): the first is ${cause.code}`;
  return cause.with({ message, key, keys, field: fields.length === 1 ? fields[0] : undefined, cause });
}

/** The error of a reply whose values exceed `limit` together with the others of the same request. */
export function replyTooLarge({ reads, planned }: ReplyReads, limit: number): ZstashError {
  const keys = keysOfAll(reads.map(([, read]) => read));
  const message =
    `Cannot decode ${valuesOf(reads.length, keys)} (${planned.name}): ` +
    `the values of the reply are larger than the limit of ${limit} bytes (maxReplySize)`;
  return new ZstashError("SIZE_LIMIT", message, { key: keys.length === 1 ? keys[0] : undefined, keys });
}

function valuesOf(count: number, keys: readonly string[]): string {
  return `${count === 1 ? "the value" : `${count} values`} of ${namesOf(keys)}`;
}

function namesOf(names: readonly string[]): string {
  const shown = names.slice(0, NAMED_MAX).map((one) => JSON.stringify(one));
  const more = names.length > shown.length ? ` and ${names.length - shown.length} more` : "";
  return `${shown.join(", ")}${more}`;
}
