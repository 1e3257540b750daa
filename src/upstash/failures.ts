/** One error for a reply of which several values do not decode, or are too large together. */
import { ZstashError } from "../errors.ts";
import type { PlannedReply } from "./plan.ts";

/** The most keys that an error message names; all are in `keys`. */
const NAMED_KEYS = 10;

/** The error of a reply: the first of its failures, with the keys of all. */
export function combineFailures(failures: readonly ZstashError[], { name }: PlannedReply): ZstashError {
  const [cause] = failures as readonly [ZstashError];
  const keys = distinct(failures);
  const key = keys.length === 1 ? keys[0] : undefined;
  if (failures.length === 1) return cause.with({ key, keys, cause });
  const message = `Cannot decode ${valuesOf(failures.length, keys)} (${name}): the first is ${cause.code}`;
  return cause.with({ message, key, keys, cause });
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
  const shown = keys.slice(0, NAMED_KEYS).map((one) => JSON.stringify(one));
  const more = keys.length > shown.length ? ` and ${keys.length - shown.length} more` : "";
  return `${count === 1 ? "the value" : `${count} values`} of ${shown.join(", ")}${more}`;
}
