/** Makes what tells versions of a value apart: of the checksums in its frames where it has them. */
import { concatenate, toHex } from "../bytes.ts";

/** Bytes of a SHA-256 that an entity tag holds. */
const DIGEST_SIZE = 12;

/**
 * A tag of stored bytes. The checksums of their frames say what the content is, and cost nothing to find; with their number of
 * bytes they are the tag, or its hash if there are several. Without checksums it is the hash of all bytes.
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
