// zstash's metrics through the real OpenTelemetry: what its reader collects is what the collector counted.
import { metrics as api } from "@opentelemetry/api";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { expect, test } from "vitest";
import { createMetrics } from "../../src/metrics/index.ts";

test("a meter of OpenTelemetry is told of everything", async () => {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const provider = new MeterProvider({ readers: [reader] });
  api.setGlobalMeterProvider(provider);
  const zstd = { stats: () => ({ live: 2, idle: 0, waiters: 0, memory: 65_536 }) };
  const { onEvent } = createMetrics({ zstd, meter: api.getMeter("zstash") });
  const about = { command: "SET", key: "a-key" };
  for (const storedSize of [250, 500])
    onEvent({
      type: "compressed",
      ...about,
      size: 1000,
      storedSize,
      level: 1,
      kind: "json",
      ms: 3,
      written: true,
    });
  onEvent({
    type: "request",
    command: "SET",
    attempt: 1,
    sentSize: 10,
    receivedSize: 5,
    status: 200,
    ms: 40,
  });
  await provider.forceFlush();
  await provider.shutdown();

  const found = new Map(
    exporter
      .getMetrics()
      .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics))
      .map((metric) => [metric.descriptor.name, metric.dataPoints]),
  );
  const value = (name, attributes) =>
    found.get(name)?.find((point) => JSON.stringify(point.attributes) === JSON.stringify(attributes))?.value;
  expect(value("zstash_values_total", { outcome: "compressed", reason: "" })).toBe(2);
  expect(value("zstash_bytes_total", { direction: "write", state: "stored" })).toBe(750);
  expect(value("zstash_codec_memory_bytes", {})).toBe(65_536);
  const { count, sum, buckets } = value("zstash_compression_ratio", { kind: "json" });
  expect([count, sum]).toEqual([2, 6]);
  expect(buckets.boundaries).toContain(1.25);
  expect(value("zstash_request_seconds", {}).sum).toBeCloseTo(0.04);
  expect(JSON.stringify([...found])).not.toContain("a-key");
});
