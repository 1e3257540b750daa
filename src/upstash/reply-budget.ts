/** Limits what all values of one answer decode to together: a few small values may decode to gigabytes. */
import type { ZstashError } from "../errors.ts";
import { emit } from "../metrics/events.ts";
import { claimedSize, type DecodeSettings, type ReplyBudget, type ValueRead } from "../value/decode.ts";
import type { PlannedReply } from "./plan.ts";

/** The values of one command's reply. */
export interface ReplyReads {
  readonly planned: PlannedReply;
  readonly reads: readonly (readonly [index: number, read: ValueRead])[];
}

/** The limits on values and on replies. */
export interface ReplyLimits extends DecodeSettings {
  readonly maxReplySize: number;
}

/**
 * Divides `maxReplySize` among the replies of one answer. Replies are admitted by the sizes that the headers of their
 * values declare, smallest first, so that a large one does not affect the others. The rest is for values that declare
 * nothing.
 */
export class ReplyBudgets<Limits extends ReplyLimits> {
  readonly #limits: Limits;
  readonly #tooLarge: (reply: ReplyReads) => Promise<ZstashError>;
  /** The declared size of each reply that is admitted. */
  readonly #claims: ReadonlyMap<ReplyReads, number>;
  #free: number;

  /** `tooLarge` makes the error of a reply that is refused. */
  constructor(
    replies: readonly (ReplyReads | undefined)[],
    limits: Limits,
    tooLarge: (reply: ReplyReads) => Promise<ZstashError>,
  ) {
    const { maxSize, maxReplySize } = limits;
    this.#limits = limits;
    this.#tooLarge = tooLarge;
    this.#free = maxReplySize;
    const claims = new Map<ReplyReads, number>();
    for (const reply of replies) if (reply !== undefined) claims.set(reply, claimOf(reply, maxSize));
    const bySize = [...claims].sort(([, a], [, b]) => a - b);
    for (const [reply, claim] of bySize) {
      if (claim > this.#free) claims.delete(reply);
      else this.#free -= claim;
    }
    this.#claims = claims;
  }

  /**
   * Decodes a reply within its share.
   *
   * @throws {ZstashError} SIZE_LIMIT, before anything of it is decoded, if its declared size is too large
   */
  async within<Result>(reply: ReplyReads, decode: (bounded: Limits) => Promise<Result>): Promise<Result> {
    const claim = this.#claims.get(reply);
    if (claim === undefined) throw await this.#refuse(reply);
    const before = this.#free + claim;
    const budget: ReplyBudget = { left: before };
    this.#free = 0;
    try {
      const result = await decode({ ...this.#limits, budget });
      this.#free = budget.left;
      return result;
    } catch (error) {
      // A reply that fails keeps none of its texts.
      this.#free = before;
      throw error;
    }
  }

  async #refuse(reply: ReplyReads): Promise<ZstashError> {
    const { onEvent } = this.#limits;
    const error = await this.#tooLarge(reply);
    if (onEvent !== undefined) {
      for (const [, { command, key }] of reply.reads)
        emit(onEvent, { type: "decode-failed", command, key, code: error.code, error });
    }
    return error;
  }
}

/** The bytes that a reply's values declare together; values above `maxSize` are refused one by one and do not count. */
function claimOf({ reads }: ReplyReads, maxSize: number): number {
  let claim = 0;
  for (const [, { stored }] of reads) {
    const size = claimedSize(stored);
    if (size <= maxSize) claim += size;
  }
  return claim;
}

/** The keys of values or of their errors, each once. */
export function keysOfAll(subjects: readonly { readonly key?: string | undefined }[]): readonly string[] {
  return [...new Set(subjects.map(({ key }) => key!))];
}

/** Returns true if a value failed because the reply's budget was used up, and not because of a fault of its own. */
export function isOverBudget(error: ZstashError, { stored }: ValueRead, limits: DecodeSettings): boolean {
  const { budget, maxSize } = limits;
  return (
    error.code === "SIZE_LIMIT" &&
    budget !== undefined &&
    budget.left < maxSize &&
    claimedSize(stored) <= maxSize
  );
}
