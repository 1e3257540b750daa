/**
 * Replies as plain values, for callers that want strings and numbers. It is separate from the parser, so that what is
 * loaded first stays small.
 */
import { utf8Lossy } from "../text.ts";
import type { RespValue } from "./resp.ts";

/** A reply as a text or a number, as the client's own commands return it; undefined for an error or a list. */
export function scalarOf(reply: RespValue): unknown {
  switch (reply.kind) {
    case "bulk":
      return reply.bytes === null ? null : utf8Lossy(reply.bytes);
    case "status":
      return reply.text;
    case "integer":
      return Number(reply.value);
    default:
      return undefined;
  }
}
