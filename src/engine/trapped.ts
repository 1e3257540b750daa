import { ZstashError } from "../errors.ts";

/** The error for a trap: the C heap is in an unknown state, and the instance is dropped. */
export function trapped(cause: WebAssembly.RuntimeError): ZstashError {
  return new ZstashError("INTERNAL", "Cannot go on: the WebAssembly module trapped", { cause });
}
