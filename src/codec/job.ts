/** An option of streams that zstash alone gives: whether a stream is a job. */

/**
 * A job has its whole content in memory, and its destination too, so that it ends by itself soon: it waits for no stream
 * that somebody paces. Engines of others do not know this option.
 */
export const job: unique symbol = Symbol("job");

/** Returns true if the options say that a stream is a job. */
export function isJob(options: object): boolean {
  return (options as { readonly [job]?: boolean })[job] === true;
}
