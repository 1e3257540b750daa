/** Defines what each event adds to which series. */
import type { SkipReason, ZstashEvent } from "./events.ts";
import { ERROR_TYPES, errorTypeOf, FAMILIES, KINDS, type Family, type FamilyId } from "./families.ts";
import { placeOf, type Place } from "./cells.ts";

/** Where an event is counted. */
export interface Counting {
  add(at: Place, amount: number): void;
  observe(histogram: Histogram, value: number): void;
}

/** A series of a histogram. */
export interface Histogram {
  readonly id: FamilyId;
  readonly labels: readonly string[];
  readonly place: Place;
  readonly buckets: readonly number[];
}

const histogram = (id: FamilyId, labels: readonly string[]): Histogram => {
  const { buckets = [] }: Family = FAMILIES[id];
  return { id, labels, place: placeOf(id, labels), buckets };
};
/** The places of a family with one label, or with an outcome before it, by the label's values. */
const byLabel = (
  id: FamilyId,
  values: readonly string[],
  ...before: readonly string[]
): ReadonlyMap<string, Place> => new Map(values.map((value) => [value, placeOf(id, [...before, value])]));

const reasons: readonly SkipReason[] = ["small", "large", "already-compressed", "savings", "policy"];
const places = {
  compressed: placeOf("values", ["compressed", ""]),
  shadow: placeOf("values", ["shadow", ""]),
  escaped: placeOf("values", ["escaped", ""]),
  uncompressed: placeOf("values", ["uncompressed", ""]),
  skipped: byLabel("values", reasons, "skipped"),
  decoded: placeOf("values", ["decoded", ""]),
  decodeFailed: byLabel("values", ERROR_TYPES, "decode-failed"),
  undecoded: byLabel("values", ERROR_TYPES, "undecoded"),
  failures: byLabel("failures", ERROR_TYPES),
  written: placeOf("bytes", ["write", "original"]),
  stored: placeOf("bytes", ["write", "stored"]),
  read: placeOf("bytes", ["read", "original"]),
  readStored: placeOf("bytes", ["read", "stored"]),
  compress: placeOf("codecSeconds", ["compress"]),
  decompress: placeOf("codecSeconds", ["decompress"]),
  modeFailures: placeOf("modeFailures", []),
  policyFailures: placeOf("policyFailures", []),
  withStatus: [0, 1, 2, 3, 4, 5].map((digit) => placeOf("requests", [`${digit}xx`])),
  withoutStatus: placeOf("requests", ["none"]),
  sent: placeOf("wire", ["sent"]),
  received: placeOf("wire", ["received"]),
} as const;
const ratios: ReadonlyMap<string, Histogram> = new Map(
  KINDS.map((kind) => [kind, histogram("ratio", [kind])]),
);
const requestSeconds = histogram("requestSeconds", []);

/** Counts an event. An event of an unknown type counts nothing. */
export function count(event: ZstashEvent, counting: Counting): void {
  switch (event.type) {
    case "compressed": {
      const { size, storedSize, written, kind = "text", ms = 0 } = event;
      counting.add(written ? places.compressed : places.shadow, 1);
      write(counting, size, written ? storedSize : size);
      const ratio = ratios.get(kind);
      if (ratio !== undefined) counting.observe(ratio, size / Math.max(storedSize, 1));
      counting.add(places.compress, ms / 1000);
      return;
    }
    case "escaped":
      counting.add(places.escaped, 1);
      write(counting, event.size, event.storedSize);
      return;
    case "skipped":
      counting.add(places.skipped.get(event.reason) ?? -1, 1);
      write(counting, event.size, event.size);
      return;
    case "uncompressed":
      counting.add(places.uncompressed, 1);
      write(counting, event.size, event.size);
      return;
    case "decoded":
      counting.add(places.decoded, 1);
      counting.add(places.read, event.size);
      counting.add(places.readStored, event.storedSize);
      counting.add(places.decompress, (event.ms ?? 0) / 1000);
      return;
    case "decode-failed": {
      const type = errorTypeOf(event.code);
      counting.add(places.failures.get(type)!, 1);
      counting.add(places.decodeFailed.get(type)!, 1);
      return;
    }
    case "undecoded":
      counting.add(places.undecoded.get(errorTypeOf(event.code))!, 1);
      return;
    case "mode-failed":
      counting.add(places.modeFailures, 1);
      return;
    case "policy-failed":
      counting.add(places.policyFailures, 1);
      return;
    case "request": {
      const { status, sentSize, receivedSize = 0, ms } = event;
      const withStatus =
        status === undefined ? places.withoutStatus : places.withStatus[Math.floor(status / 100)];
      counting.add(withStatus ?? -1, 1);
      counting.add(places.sent, sentSize);
      counting.add(places.received, receivedSize);
      counting.observe(requestSeconds, ms / 1000);
      return;
    }
    // These are rare, and looked up.
    case "retry":
      counting.add(placeOf("retries", [event.effect]), 1);
      return;
    case "fallback":
      counting.add(placeOf("fallbacks", [event.from, event.to]), 1);
      return;
    case "wait":
      counting.add(placeOf("waits", [event.for]), event.ms / 1000);
      break;
    default:
      // An event type of a later version.
      break;
  }
}

function write(counting: Counting, original: number, stored: number): void {
  counting.add(places.written, original);
  counting.add(places.stored, stored);
}
