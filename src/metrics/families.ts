/**
 * The metrics that zstash counts, as a table: each family's name, type, help, labels, and every possible combination
 * of label values, so that the cost of a scrape is known and no series appears late.
 */
import type { ZstashErrorCode } from "../errors.ts";

/** A family of series, in Prometheus' terms. */
export interface Family {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  /** One sentence that says what is counted, and in which unit. */
  readonly help: string;
  readonly labels: readonly string[];
  /** The label values of each series, in the order of `labels`. */
  readonly cells: readonly (readonly string[])[];
  /** For a histogram: the upper bounds of its buckets, inclusive and ascending; the last one, +Inf, is not listed. */
  readonly buckets?: readonly number[] | undefined;
}

/** What an event says about a value's kind. */
export const KINDS = ["text", "json", "protobuf", "binary"] as const;

/** Why a compressed value could not be decoded: the label `error_type`. */
export const ERROR_TYPES = [
  "corrupted",
  "unsupported_format",
  "timeout",
  "dictionary",
  "limit",
  "codec",
] as const;

/** The `error_type` of each code with which decoding can end; a code that is not listed is "codec". */
const errorTypes: Partial<Readonly<Record<ZstashErrorCode, (typeof ERROR_TYPES)[number]>>> = {
  CORRUPT: "corrupted",
  TRUNCATED: "corrupted",
  CHECKSUM_MISMATCH: "corrupted",
  NOT_ZSTD: "corrupted",
  VALUE_CHANGED: "corrupted",
  UNSUPPORTED: "unsupported_format",
  NOT_TEXT: "unsupported_format",
  TIMEOUT: "timeout",
  DICTIONARY_UNKNOWN: "dictionary",
  DICTIONARY_INVALID: "dictionary",
  SIZE_LIMIT: "limit",
  WINDOW_LIMIT: "limit",
};

/** The `error_type` of a code. */
export function errorTypeOf(code: ZstashErrorCode): (typeof ERROR_TYPES)[number] {
  return errorTypes[code] ?? "codec";
}

/** The pairs of `outcome` and `reason` of a value. */
const outcomes: readonly (readonly [outcome: string, reason: string])[] = [
  ["compressed", ""],
  ["shadow", ""],
  ["escaped", ""],
  ["uncompressed", ""],
  ...["small", "large", "already-compressed", "savings", "policy"].map(
    (reason) => ["skipped", reason] as const,
  ),
  ["decoded", ""],
  ...ERROR_TYPES.map((reason) => ["decode-failed", reason] as const),
  ...ERROR_TYPES.map((reason) => ["undecoded", reason] as const),
];

const cross = (left: readonly string[], right: readonly string[]): string[][] =>
  left.flatMap((one) => right.map((other) => [one, other]));
const each = (values: readonly string[]): string[][] => values.map((value) => [value]);

/** The short names of the families. */
export type FamilyId =
  | "ratio"
  | "bytes"
  | "codecSeconds"
  | "failures"
  | "values"
  | "requests"
  | "requestSeconds"
  | "wire"
  | "retries"
  | "fallbacks"
  | "waits"
  | "modeFailures"
  | "policyFailures"
  | "contexts"
  | "memory";

/** Every family, in the order of the output. */
export const FAMILIES: Readonly<Record<FamilyId, Family>> = {
  ratio: {
    name: "zstash_compression_ratio",
    type: "histogram",
    help: "Bytes of a compressed value divided by the bytes stored for it.",
    labels: ["kind"],
    cells: each(KINDS),
    buckets: [1, 1.25, 1.5, 2, 2.5, 3, 4, 6, 8, 12, 20, 50],
  },
  bytes: {
    name: "zstash_bytes_total",
    type: "counter",
    help: "Bytes of values as the application has them (original) and as they lie in Redis (stored); reads count compressed values only.",
    labels: ["direction", "state"],
    cells: cross(["write", "read"], ["original", "stored"]),
  },
  codecSeconds: {
    name: "zstash_codec_seconds_total",
    type: "counter",
    help: "Seconds spent in the codec for single values. Stays 0 in Cloudflare Workers, whose clock stands still during CPU work.",
    labels: ["operation"],
    cells: each(["compress", "decompress"]),
  },
  failures: {
    name: "zstash_decode_failures_total",
    type: "counter",
    help: "Stored values that could not be decoded.",
    labels: ["error_type"],
    cells: each(ERROR_TYPES),
  },
  values: {
    name: "zstash_values_total",
    type: "counter",
    help: "Values by what became of them, and why.",
    labels: ["outcome", "reason"],
    cells: outcomes,
  },
  requests: {
    name: "zstash_requests_total",
    type: "counter",
    help: "HTTP requests that zstash sent, retries included, by the class of their status; none is a request without a response.",
    labels: ["status"],
    cells: each(["2xx", "3xx", "4xx", "5xx", "none"]),
  },
  requestSeconds: {
    name: "zstash_request_seconds",
    type: "histogram",
    help: "Seconds from the start of an HTTP request that zstash sent to the end of its reply.",
    labels: [],
    cells: [[]],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
  },
  wire: {
    name: "zstash_wire_bytes_total",
    type: "counter",
    help: "Bytes of the bodies of HTTP requests and of their replies.",
    labels: ["direction"],
    cells: each(["sent", "received"]),
  },
  retries: {
    name: "zstash_retries_total",
    type: "counter",
    help: "Requests that failed and were sent again; effect none if the failed one has certainly not run.",
    labels: ["effect"],
    cells: each(["none", "unknown"]),
  },
  fallbacks: {
    name: "zstash_fallbacks_total",
    type: "counter",
    help: "Requests whose better form a server did not take.",
    labels: ["from", "to"],
    cells: [
      ["raw", "json"],
      ["resp2", "base64"],
      ["setrange", "append"],
    ],
  },
  waits: {
    name: "zstash_wait_seconds_total",
    type: "counter",
    help: "Seconds of waits of 100 ms or more, by what was waited for.",
    labels: ["for"],
    cells: each(["memory", "turn", "order"]),
  },
  modeFailures: {
    name: "zstash_mode_failures_total",
    type: "counter",
    help: "Requests whose mode function failed, and which went out as in mode read-only.",
    labels: [],
    cells: [[]],
  },
  policyFailures: {
    name: "zstash_policy_failures_total",
    type: "counter",
    help: "Values whose policy function failed; but for the first they are stored uncompressed.",
    labels: [],
    cells: [[]],
  },
  contexts: {
    name: "zstash_codec_contexts",
    type: "gauge",
    help: "Contexts of the codec's streams, and streams that wait for one.",
    labels: ["state"],
    cells: each(["live", "idle", "waiting"]),
  },
  memory: {
    name: "zstash_codec_memory_bytes",
    type: "gauge",
    help: "Linear memory of the codec's WebAssembly instances.",
    labels: [],
    cells: [[]],
  },
};
