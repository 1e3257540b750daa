/** An internal option of streams: whether a stream is a job. */

/**
 * A job has its whole content and its destination in memory. So it ends soon by itself, and waits for no stream that
 * somebody else paces. Other engines do not know this option.
 */
export const job: unique symbol = Symbol("job");

/** Returns true if the options say that a stream is a job. */
export function isJob(options: object): boolean {
  return (options as { readonly [job]?: boolean })[job] === true;
}
