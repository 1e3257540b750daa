/** One error for a reply of which several values do not decode, or are too large together. */
import { ZstashError } from "../errors.ts";
import type { PlannedReply } from "./plan.ts";

/** The most keys, or fields of one key, that an error message names; all keys are in `keys`. */
const NAMED_MAX = 10;

/** The error of a reply: the first of its failures, with the keys of all. */
export function combineFailures(failures: readonly ZstashError[], { name }: PlannedReply): ZstashError {
  const [cause] = failures as readonly [ZstashError];
  const keys = distinct(failures);
  const key = keys.length === 1 ? keys[0] : undefined;
  if (failures.length === 1) return cause.with({ key, keys, cause });
  const fields = key === undefined ? [] : [...new Set(failures.flatMap(({ field }) => field ?? []))];
  const where = fields.length === 0 ? "" : `, fields ${namesOf(fields)}`;
  const what = `${valuesOf(failures.length, keys)}${where}`;
  const message = `Cannot decode ${what} (${name}): the first is ${cause.code}`;
  return cause.with({ message, key, keys, field: fields.length === 1 ? fields[0] : undefined, cause });
}

/** The error of a reply whose values are larger than `limit` together with the others of the same request. */
export function replyTooLarge(
  reads: readonly { readonly key: string }[],
  { name }: PlannedReply,
  limit: number,
): ZstashError {
  const keys = distinct(reads);
  const message =
    `Cannot decode ${valuesOf(reads.length, keys)} (${name}): ` +
    `the values of the reply are larger than the limit of ${limit} bytes (maxReplySize)`;
  return new ZstashError("SIZE_LIMIT", message, { key: keys.length === 1 ? keys[0] : undefined, keys });
}

function distinct(subjects: readonly { readonly key?: string | undefined }[]): readonly string[] {
  return [...new Set(subjects.map(({ key }) => key!))];
}

function valuesOf(count: number, keys: readonly string[]): string {
  return `${count === 1 ? "the value" : `${count} values`} of ${namesOf(keys)}`;
}

function namesOf(names: readonly string[]): string {
  const shown = names.slice(0, NAMED_MAX).map((one) => JSON.stringify(one));
  const more = names.length > shown.length ? ` and ${names.length - shown.length} more` : "";
  return `${shown.join(", ")}${more}`;
}
