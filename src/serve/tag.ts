/** Makes the text that distinguishes versions of a value: from the checksums in its frames, if they have them. */
import { concatenate, toHex } from "../bytes.ts";

/** Bytes of a SHA-256 that an entity tag contains. */
const DIGEST_SIZE = 12;

/**
 * A tag of stored bytes. The checksums of their frames identify the content and are cheap to find; together with the
 * number of bytes they are the tag, or its hash if there are several. Without checksums it is the hash of all bytes.
 */
export async function tagOf(
  bytes: Uint8Array<ArrayBuffer>,
  checksums: readonly Uint8Array[],
): Promise<string> {
  const size = bytes.length.toString(36);
  if (checksums.length === 1) return `${toHex(checksums[0]!)}-${size}`;
  const hashed = checksums.length > 0 ? concatenate(checksums) : bytes;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", hashed as Uint8Array<ArrayBuffer>));
  return `${toHex(digest.subarray(0, DIGEST_SIZE))}-${size}`;
}
