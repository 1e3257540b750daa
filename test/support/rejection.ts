/** What promises and functions fail with, for tests that look at more than a message. */
import { ZstashError } from "../../src/errors.ts";

/** What a promise was rejected with; fails where it was not. */
export async function rejection(promise: Promise<unknown>): Promise<Error> {
  let value: unknown;
  try {
    value = await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error(`expected a rejection, got ${JSON.stringify(value)?.slice(0, 200)}`);
}

/** The code that a function fails with, or what it throws if that is no error of ours; "none" where it does not. */
export function codeOf(run: () => unknown): unknown {
  try {
    run();
    return "none";
  } catch (error) {
    return error instanceof ZstashError ? error.code : error;
  }
}
