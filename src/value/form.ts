/** Recognizes the form in which a value is stored. */
import { CARRIER_HEAD_SIZE, isRawCarrier, isTextCarrier } from "./carrier.ts";

/** The form of a stored value: frames, frames in base64, or uncompressed. */
export type StoredForm = "frames" | "text" | "plain";

/** The form of a stored value, from its first bytes: `CARRIER_HEAD_SIZE` of them are enough. */
export function formOf(head: Uint8Array): StoredForm {
  if (isRawCarrier(head)) return "frames";
  return isTextCarrier(String.fromCharCode(...head.subarray(0, CARRIER_HEAD_SIZE))) ? "text" : "plain";
}
