/** Says what each event adds to which series. */
import type { ZstashEvent } from "./events.ts";
import { errorTypeOf, type FamilyId } from "./families.ts";

/** Where it is counted. */
export interface Counting {
  add(id: FamilyId, labels: readonly string[], amount: number): void;
  observe(id: FamilyId, labels: readonly string[], value: number): void;
}

/** Counts an event. An event of a type that is not known here counts nothing. */
export function count(event: ZstashEvent, counting: Counting): void {
  switch (event.type) {
    case "compressed": {
      const { size, storedSize, written, kind = "text", ms = 0 } = event;
      value(counting, written ? "compressed" : "shadow", "");
      bytes(counting, "write", size, written ? storedSize : size);
      counting.observe("ratio", [kind], size / Math.max(storedSize, 1));
      counting.add("codecSeconds", ["compress"], ms / 1000);
      return;
    }
    case "escaped":
      value(counting, "escaped", "");
      bytes(counting, "write", event.size, event.storedSize);
      return;
    case "skipped":
    case "uncompressed":
      value(counting, event.type, event.type === "skipped" ? event.reason : "");
      bytes(counting, "write", event.size, event.size);
      return;
    case "decoded":
      value(counting, "decoded", "");
      bytes(counting, "read", event.size, event.storedSize);
      counting.add("codecSeconds", ["decompress"], (event.ms ?? 0) / 1000);
      return;
    case "decode-failed":
      counting.add("failures", [errorTypeOf(event.code)], 1);
      value(counting, "decode-failed", errorTypeOf(event.code));
      return;
    case "undecoded":
      value(counting, "undecoded", errorTypeOf(event.code));
      return;
    case "mode-failed":
      counting.add("modeFailures", [], 1);
      return;
    case "request": {
      const { status, sentSize, receivedSize = 0, ms } = event;
      counting.add("requests", [status === undefined ? "none" : `${Math.floor(status / 100)}xx`], 1);
      counting.add("wire", ["sent"], sentSize);
      counting.add("wire", ["received"], receivedSize);
      counting.observe("requestSeconds", [], ms / 1000);
      return;
    }
    case "retry":
      counting.add("retries", [event.effect], 1);
      return;
    case "fallback":
      counting.add("fallbacks", [event.from, event.to], 1);
      return;
    case "wait":
      counting.add("waits", [event.for], event.ms / 1000);
      break;
    default:
      // A type of a later version.
      break;
  }
}

function value({ add }: Counting, outcome: string, reason: string): void {
  add("values", [outcome, reason], 1);
}

function bytes({ add }: Counting, direction: "write" | "read", original: number, stored: number): void {
  add("bytes", [direction, "original"], original);
  add("bytes", [direction, "stored"], stored);
}
