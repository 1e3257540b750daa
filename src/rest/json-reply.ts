import { ZstashError } from "../errors.ts";
import { decodeBase64 } from "../format/base64.ts";
import type { RespValue } from "./resp.ts";

const encoder = new TextEncoder();

/** Bodies of replies in JSON: one reply, or an array of them; with `base64`, strings are decoded to their bytes. */
export function readJsonReplies(text: string, base64: boolean): RespValue | readonly RespValue[] {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw malformed("it is not JSON");
  }
  return Array.isArray(body) ? body.map((one) => readReply(one, base64)) : readReply(body, base64);
}

function readReply(body: unknown, base64: boolean): RespValue {
  if (typeof body !== "object" || body === null) throw malformed("a reply is an object");
  const { result, error } = body as { result?: unknown; error?: unknown };
  if (typeof error === "string") return { kind: "error", text: error };
  if (!("result" in body)) throw malformed("a reply has a result or an error");
  return toValue(result, base64);
}

function toValue(result: unknown, base64: boolean): RespValue {
  switch (typeof result) {
    case "string":
      return toBulk(result, base64);
    case "number":
      return { kind: "integer", value: result };
    case "boolean":
      return { kind: "integer", value: Number(result) };
    default:
      if (result === null) return { kind: "bulk", bytes: null };
      if (Array.isArray(result)) return { kind: "array", items: result.map((item) => toValue(item, base64)) };
      // A map, where the server does not make a list of it.
      return {
        kind: "array",
        items: Object.entries(result as object).flatMap(([field, value]) => [
          { kind: "bulk" as const, bytes: encoder.encode(field) },
          toValue(value, base64),
        ]),
      };
  }
}

/** `OK` alone is not encoded, and is no base64; what else is none was not encoded either. */
function toBulk(text: string, base64: boolean): RespValue {
  if (text === "OK") return { kind: "status", text };
  return { kind: "bulk", bytes: (base64 ? decodeBase64(text) : undefined) ?? encoder.encode(text) };
}

function malformed(reason: string): ZstashError {
  return new ZstashError("REDIS", `Cannot read the reply: ${reason}, got something else`);
}
