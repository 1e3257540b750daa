import { ZstashError } from "../errors.ts";
import type { RestClient } from "../rest/client.ts";
import { requireNumber } from "./reply.ts";

/** Where an upload in sequence stands. */
export interface AppendTarget {
  readonly key: string;
  readonly temporary: string;
  readonly signal: AbortSignal;
}

/** How often a piece is sent again that is known not to have arrived. */
const ATTEMPTS = 5;

/**
 * Appends a piece to a value of `length` bytes and gives its new length, for servers that take no bytes for SETRANGE.
 * APPEND may not run twice: where its reply is lost, the length tells whether it has run.
 *
 * @throws {ZstashError} REDIS where the length is another than it has to be
 */
export async function appendPiece(
  client: RestClient,
  bytes: Uint8Array,
  length: number,
  { key, temporary, signal }: AppendTarget,
): Promise<number> {
  const expected = length + bytes.length;
  for (let attempt = 1; ; attempt++) {
    let found: number;
    try {
      found = requireNumber(await client.command(["APPEND", temporary, bytes], { signal }), "store", key);
    } catch (error) {
      // With a key it is the server's own word.
      const lost = error instanceof ZstashError && error.key === undefined && !signal.aborted;
      if (!lost || attempt === ATTEMPTS) throw error;
      found = requireNumber(await client.command(["STRLEN", temporary], { signal }), "store", key);
      if (found === length) continue;
    }
    if (found === expected) return expected;
    throw new ZstashError(
      "REDIS",
      `Cannot store ${JSON.stringify(key)}: ${expected} bytes were appended, got ${found}`,
      { key },
    );
  }
}
