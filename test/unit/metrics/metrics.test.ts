/** The collector: what each event adds, the text for Prometheus, snapshots and their sums. */
import { describe, expect, test } from "vitest";
import { ZstashError, type ZstashErrorCode } from "../../../src/errors.ts";
import { createMetrics, type Metrics, type ZstashEvent } from "../../../src/metrics/index.ts";

const about = { command: "SET", key: "a-key" };

/** The value of a series in the text, by the whole of its name and labels. */
function sample(metrics: Metrics, series: string): number | undefined {
  const line = metrics
    .toPrometheus()
    .split("\n")
    .find((one) => one.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

function counted(...events: readonly ZstashEvent[]): Metrics {
  const metrics = createMetrics();
  for (const event of events) metrics.onEvent(event);
  return metrics;
}

const failed = (code: ZstashErrorCode): ZstashEvent => ({
  type: "decode-failed",
  ...about,
  code,
  error: new ZstashError(code, "it failed"),
});

/** Each event, and the series that it adds to. */
const ROWS: readonly (readonly [
  name: string,
  event: ZstashEvent,
  added: Readonly<Record<string, number>>,
])[] = [
  [
    "a compressed value",
    {
      type: "compressed",
      ...about,
      size: 1000,
      storedSize: 250,
      level: 1,
      kind: "json",
      ms: 2,
      written: true,
    },
    {
      'zstash_values_total{outcome="compressed",reason=""}': 1,
      'zstash_bytes_total{direction="write",state="original"}': 1000,
      'zstash_bytes_total{direction="write",state="stored"}': 250,
      'zstash_compression_ratio_bucket{kind="json",le="3"}': 0,
      'zstash_compression_ratio_bucket{kind="json",le="4"}': 1,
      'zstash_compression_ratio_bucket{kind="json",le="+Inf"}': 1,
      'zstash_compression_ratio_sum{kind="json"}': 4,
      'zstash_compression_ratio_count{kind="json"}': 1,
      'zstash_compression_ratio_count{kind="text"}': 0,
      'zstash_codec_seconds_total{operation="compress"}': 0.002,
    },
  ],
  [
    "one in shadow mode is stored as it is",
    { type: "compressed", ...about, size: 1000, storedSize: 250, level: 1, kind: "text", written: false },
    {
      'zstash_values_total{outcome="shadow",reason=""}': 1,
      'zstash_values_total{outcome="compressed",reason=""}': 0,
      'zstash_bytes_total{direction="write",state="stored"}': 1000,
      'zstash_compression_ratio_count{kind="text"}': 1,
    },
  ],
  [
    "an escaped value",
    { type: "escaped", ...about, size: 10, storedSize: 30 },
    {
      'zstash_values_total{outcome="escaped",reason=""}': 1,
      'zstash_bytes_total{direction="write",state="stored"}': 30,
    },
  ],
  [
    "a skipped value",
    { type: "skipped", ...about, size: 10, reason: "small" },
    {
      'zstash_values_total{outcome="skipped",reason="small"}': 1,
      'zstash_values_total{outcome="skipped",reason="policy"}': 0,
      'zstash_bytes_total{direction="write",state="original"}': 10,
      'zstash_bytes_total{direction="write",state="stored"}': 10,
    },
  ],
  [
    "an uncompressed value",
    { type: "uncompressed", ...about, size: 7, error: new Error("no codec") },
    { 'zstash_values_total{outcome="uncompressed",reason=""}': 1 },
  ],
  [
    "a decoded value",
    { type: "decoded", ...about, size: 900, storedSize: 300, ms: 500 },
    {
      'zstash_values_total{outcome="decoded",reason=""}': 1,
      'zstash_bytes_total{direction="read",state="original"}': 900,
      'zstash_bytes_total{direction="read",state="stored"}': 300,
      'zstash_bytes_total{direction="write",state="stored"}': 0,
      'zstash_codec_seconds_total{operation="decompress"}': 0.5,
    },
  ],
  ...(
    [
      ["CORRUPT", "corrupted"],
      ["TRUNCATED", "corrupted"],
      ["CHECKSUM_MISMATCH", "corrupted"],
      ["UNSUPPORTED", "unsupported_format"],
      ["TIMEOUT", "timeout"],
      ["DICTIONARY_UNKNOWN", "dictionary"],
      ["SIZE_LIMIT", "limit"],
      ["WASM_UNAVAILABLE", "codec"],
      ["INTERNAL", "codec"],
    ] as const
  ).map(
    ([code, type]) =>
      [
        `a value that fails with ${code}`,
        failed(code),
        {
          [`zstash_decode_failures_total{error_type="${type}"}`]: 1,
          [`zstash_values_total{outcome="decode-failed",reason="${type}"}`]: 1,
        },
      ] as const,
  ),
  [
    "a string that only looks like a value is no failure",
    { type: "undecoded", ...about, storedSize: 5, code: "CORRUPT", error: new ZstashError("CORRUPT", "bad") },
    {
      'zstash_values_total{outcome="undecoded",reason="corrupted"}': 1,
      'zstash_decode_failures_total{error_type="corrupted"}': 0,
    },
  ],
  [
    "a mode that fails",
    { type: "mode-failed", error: new Error("broken") },
    { zstash_mode_failures_total: 1 },
  ],
  [
    "a request",
    { type: "request", command: "SET", attempt: 1, sentSize: 100, receivedSize: 20, status: 200, ms: 4 },
    {
      'zstash_requests_total{status="2xx"}': 1,
      'zstash_wire_bytes_total{direction="sent"}': 100,
      'zstash_wire_bytes_total{direction="received"}': 20,
      'zstash_request_seconds_bucket{le="0.0025"}': 0,
      'zstash_request_seconds_bucket{le="0.005"}': 1,
      zstash_request_seconds_sum: 0.004,
    },
  ],
  [
    "a request without a response",
    { type: "request", command: "SET", attempt: 1, sentSize: 100, ms: 4, error: "TIMEOUT" },
    { 'zstash_requests_total{status="none"}': 1, 'zstash_requests_total{status="5xx"}': 0 },
  ],
  [
    "a retry",
    { type: "retry", command: "SET", attempt: 1, wait: 50, code: "REDIS", effect: "none", status: 503 },
    { 'zstash_retries_total{effect="none"}': 1 },
  ],
  [
    "a fallback",
    { type: "fallback", command: "SET", from: "raw", to: "json" },
    { 'zstash_fallbacks_total{from="raw",to="json"}': 1 },
  ],
  ["a wait", { type: "wait", for: "order", ms: 1500 }, { 'zstash_wait_seconds_total{for="order"}': 1.5 }],
];

test.each(ROWS)("%s", (_, event, added) => {
  const metrics = counted(event);
  for (const [series, value] of Object.entries(added))
    expect([series, sample(metrics, series)]).toEqual([series, value]);
});

describe("bounds", () => {
  test("every series is there from the start, and no event adds one", () => {
    const names = (metrics: Metrics): string[] =>
      metrics.toPrometheus().replaceAll(/ \S+$/gm, "").split("\n");
    const before = names(createMetrics());
    const hostile = { ...about, key: 'x"}\n# HELP evil' };
    const after = counted(
      ...ROWS.map(([, event]) => event),
      { type: "skipped", ...hostile, size: 1, reason: 'evil"' as "small" },
      {
        type: "compressed",
        ...hostile,
        size: NaN,
        storedSize: -1,
        level: 1,
        kind: "evil" as "text",
        written: true,
      },
      { type: "request", command: "SET", attempt: 1, sentSize: -5, status: 999, ms: NaN },
      { type: "later" } as unknown as ZstashEvent,
    );
    expect(names(after)).toEqual(before);
    expect(after.toPrometheus()).not.toContain("NaN");
    expect(sample(after, 'zstash_wire_bytes_total{direction="sent"}')).toBe(200);
  });

  test("gauges are there with a codec alone", () => {
    const zstd = { stats: () => ({ live: 3, idle: 2, waiters: 1, memory: 4096 }) };
    const metrics = createMetrics({ zstd });
    expect(sample(metrics, 'zstash_codec_contexts{state="live"}')).toBe(3);
    expect(sample(metrics, 'zstash_codec_contexts{state="waiting"}')).toBe(1);
    expect(sample(metrics, "zstash_codec_memory_bytes")).toBe(4096);
    expect(createMetrics().toPrometheus()).not.toContain("zstash_codec_memory_bytes");
  });

  test("the listener and the others may be called on their own", () => {
    const { onEvent, toPrometheus, snapshot, add } = createMetrics();
    onEvent({ type: "wait", for: "turn", ms: 1000 });
    add(snapshot());
    expect(toPrometheus()).toContain('zstash_wait_seconds_total{for="turn"} 2\n');
  });
});

describe("snapshots", () => {
  test("hold what was counted since the last one, and sum to the totals in any order", () => {
    const metrics = createMetrics();
    const snapshots = ROWS.map(([, event]) => {
      metrics.onEvent(event);
      return metrics.snapshot();
    });
    expect(metrics.snapshot().series).toEqual([]);
    for (const order of [snapshots, snapshots.toReversed()]) {
      const sum = createMetrics();
      // As they come from elsewhere.
      for (const one of order) sum.add(JSON.parse(JSON.stringify(one)) as typeof one);
      const lines = (text: string): string[] => text.split("\n").filter((line) => !line.includes("seconds"));
      expect(lines(sum.toPrometheus())).toEqual(lines(metrics.toPrometheus()));
    }
  });

  test.each([
    ["nothing", undefined],
    ["another version", { version: 2, series: [] }],
    ["no series", { version: 1 }],
    ["more series than there are", { version: 1, series: Array.from({ length: 5000 }, () => ({})) }],
    [
      "a negative number after a good one",
      {
        version: 1,
        series: [
          { name: "zstash_mode_failures_total", labels: [], numbers: [1] },
          { name: "zstash_mode_failures_total", labels: [], numbers: [-1] },
        ],
      },
    ],
  ])("%s is refused whole", (_, snapshot) => {
    const metrics = createMetrics();
    expect(() => metrics.add(snapshot as never)).toThrow(TypeError);
    expect(metrics.snapshot().series).toEqual([]);
  });

  test("series of other versions are left out", () => {
    const metrics = createMetrics();
    const odd = [
      { name: "zstash_of_tomorrow", labels: [], numbers: [1] },
      { name: "zstash_mode_failures_total", labels: ["x"], numbers: [1] },
      { name: "zstash_request_seconds", labels: [], numbers: [1] },
      { name: "zstash_codec_memory_bytes", labels: [], numbers: [1] },
      { name: "zstash_mode_failures_total", labels: [], numbers: [5] },
    ];
    metrics.add({ version: 1, series: odd } as never);
    expect(metrics.snapshot().series).toEqual([odd.at(-1)]);
    // What no version makes is an error, and nothing of the snapshot is added.
    for (const wrong of [
      null,
      5,
      {},
      { name: 5, labels: [], numbers: [1] },
      { ...odd[0], labels: 5 },
      { ...odd[0], numbers: "x" },
    ])
      expect(() => metrics.add({ version: 1, series: [odd.at(-1), wrong] } as never)).toThrow(TypeError);
    expect(metrics.snapshot().series).toEqual([]);
  });
});

test.each([
  ["zstd", 5],
  ["meter", {}],
  ["reportTo", "http://127.0.0.1:8079"],
  ["reportTo", { url: "127.0.0.1:8079", token: "t" }],
  ["reportTo", { url: "file:///etc", token: "t" }],
  ["reportTo", { url: "http://127.0.0.1:8079" }],
])("wrong %s is a TypeError", (name, value) => {
  expect(() => createMetrics({ [name]: value })).toThrow(TypeError);
});
