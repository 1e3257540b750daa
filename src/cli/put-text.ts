/** Stores a value in the text carrier: one frame in base64, which clients that can read only text understand. */
import { concatenate } from "../bytes.ts";
import { loadZstd } from "../codec/zstd.ts";
import { DEFAULT_MAX_SIZE } from "../limits.ts";
import { RestClient } from "../rest/client.ts";
import type { RestCommand } from "../rest/rest-command.ts";
import { readRestOptions } from "../rest/rest-options.ts";
import { openSource } from "../store/source.ts";
import { requireReply } from "../store/reply.ts";
import type { PutOptions, PutResult, StoreOptions, ValueSource } from "../store/index.ts";
import { toTextCarrier } from "../value/carrier.ts";
import { levelOf } from "../value/policy.ts";
import { Failure } from "./command.ts";

/**
 * Compresses a value of at most 32 MiB and stores it by one SET. Returns null if `ifAbsent` found a value.
 *
 * @throws {Failure} for a larger value
 * @throws {ZstashError} REDIS, REQUEST_LIMIT, RECORD_LIMIT, TIMEOUT
 */
export async function putText(
  { onEvent, ...rest }: StoreOptions,
  key: string,
  source: ValueSource,
  { ttl, ifAbsent, level, kind = "text", signal }: PutOptions,
): Promise<PutResult | null> {
  const content = await readAll(source, signal);
  const zstd = await loadZstd();
  const frame = zstd.compress(content, { level: level ?? levelOf(kind) });
  const text = toTextCarrier(frame);
  const expiry: RestCommand = ttl === undefined ? [] : ["PX", Math.round(ttl * 1000)];
  const client = new RestClient(readRestOptions(rest, undefined, onEvent));
  const command: RestCommand = ["SET", key, text, ...expiry, ...(ifAbsent === true ? ["NX"] : [])];
  const reply = requireReply(await client.command(command, { signal }), "store", key);
  if (reply.kind !== "status") return null;
  return { size: content.length, storedSize: text.length, frameCount: 1, largestFrame: 0 };
}

/** Reads all bytes of a source, which must fit the limit of the clients that read them. */
async function readAll(source: ValueSource, signal: AbortSignal | undefined): Promise<Uint8Array> {
  const reader = openSource(source).stream.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      signal?.throwIfAborted();
      size += next.value.length;
      if (size > DEFAULT_MAX_SIZE) {
        throw new Failure(
          `Cannot store the value in the text carrier: it has more than ${DEFAULT_MAX_SIZE} bytes. Leave out --carrier`,
        );
      }
      chunks.push(next.value);
    }
    return concatenate(chunks);
  } finally {
    reader.cancel().catch(() => undefined);
  }
}
