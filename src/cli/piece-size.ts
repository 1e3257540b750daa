/** Reads again in smaller pieces if a server says that its responses hold less than Upstash's do. */
import { ZstashError } from "../errors.ts";

/** The smallest piece that is asked for, in bytes. */
const LEAST: number = 64 << 10;

/**
 * Runs work without a piece size, and once more with one if the server names a limit. The piece size is half of that
 * limit, because replies in base64 are a third longer and have more around them.
 */
export async function withinLimits<Result>(
  work: (pieceSize: number | undefined) => Promise<Result>,
): Promise<Result> {
  try {
    return await work(undefined);
  } catch (error) {
    const limit =
      error instanceof ZstashError && error.code === "REQUEST_LIMIT"
        ? /Limit: ([0-9]+)/i.exec(error.message)?.[1]
        : undefined;
    if (limit === undefined) throw error;
    return work(Math.max(LEAST, Number(limit) >> 1));
  }
}
