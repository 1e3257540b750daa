/** A real Prometheus scrapes a program that uses zstash, and answers the questions of docs/metrics.md. */
import { execFile, spawn, spawnSync, type ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createDevServer } from "../../../src/dev/index.ts";
import { loadZstd } from "../../../src/index.ts";
import { createMetrics, PROMETHEUS_CONTENT_TYPE, type Metrics } from "../../../src/metrics/index.ts";
import { Redis } from "../../../src/redis.ts";
import { createStore } from "../../../src/store/index.ts";
import { freePort } from "../../support/redis.ts";
import { root } from "../../support/repository.ts";
import { requireOrSkip } from "../../support/require-or-skip.ts";

const hasPrometheus = requireOrSkip(
  "prometheus and promtool",
  spawnSync("prometheus", ["--version"]).status === 0 && spawnSync("promtool", ["--version"]).status === 0,
  "apt-get install prometheus",
);
const run = promisify(execFile);
const page = readFileSync(join(root, "docs/metrics.md"), "utf8");
/** The questions in the order of the page. */
const QUERIES = [...page.matchAll(/^```promql\n([^`]+)```/gm)].map(([, query]) => query!.trim());

interface Dashboard {
  readonly panels: readonly {
    readonly title: string;
    readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
  }[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly query: unknown }[] };
}
const dashboard = JSON.parse(readFileSync(join(root, "examples/grafana/zstash.json"), "utf8")) as Dashboard;
/** The queries of the dashboard, as Grafana sends them: its variables are filled in. */
const PANELS = dashboard.panels.flatMap(({ title, targets = [] }) =>
  targets.map(({ expr, legendFormat }) => ({
    title,
    legendFormat,
    query: expr.replaceAll("$__rate_interval", "5m").replaceAll("$job", ".*"),
  })),
);

interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [time: number, value: string];
}

describe.runIf(hasPrometheus)("a Prometheus", () => {
  let metrics: Metrics;
  const app = createServer((_request, response) => {
    response.setHeader("content-type", PROMETHEUS_CONTENT_TYPE);
    response.end(metrics.toPrometheus());
  });
  const folder = mkdtempSync(join(tmpdir(), "zstash-prometheus-"));
  let prometheus: ChildProcess;
  let api: string;

  beforeAll(async () => {
    metrics = createMetrics({ zstd: await loadZstd() });
    await new Promise<void>((resolve) => app.listen(0, "127.0.0.1", resolve));
    const target = `127.0.0.1:${(app.address() as AddressInfo).port}`;
    const port = await freePort();
    api = `http://127.0.0.1:${port}/api/v1`;
    const config = join(folder, "prometheus.yml");
    const scrape = { job_name: "app", scrape_interval: "200ms", static_configs: [{ targets: [target] }] };
    writeFileSync(config, JSON.stringify({ scrape_configs: [scrape] }));
    prometheus = spawn(
      "prometheus",
      [
        `--config.file=${config}`,
        `--storage.tsdb.path=${join(folder, "data")}`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      { stdio: "ignore" },
    );
  });
  afterAll(async () => {
    prometheus.kill("SIGKILL");
    app.closeAllConnections();
    await new Promise((resolve) => app.close(resolve));
    rmSync(folder, { recursive: true, force: true });
  });

  const ask = async (query: string): Promise<readonly Sample[]> => {
    const response = await fetch(`${api}/query?query=${encodeURIComponent(query)}`);
    const { status, data, error } = (await response.json()) as {
      readonly status: string;
      readonly data?: { readonly result: readonly Sample[] };
      readonly error?: string;
    };
    if (status !== "success") throw new Error(error);
    return data!.result;
  };
  /** Asks until the answer is good: Prometheus starts and scrapes in its own time. */
  const until = async (
    query: string,
    good: (samples: readonly Sample[]) => boolean,
  ): Promise<readonly Sample[]> => {
    for (;;) {
      const samples = await ask(query).catch(() => []);
      if (good(samples)) return samples;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  };

  test(
    "scrapes while a client works, and answers the questions of the page",
    { timeout: 60_000 },
    async () => {
      // The first scrape must come before the work, as in life: a rate is a difference.
      await until('zstash_values_total{outcome="compressed"}', (samples) => samples.length === 1);
      const server = await createDevServer({ backend: "embedded" });
      const { url } = await server.listen();
      const redis = new Redis({ url, token: server.token, compression: { onEvent: metrics.onEvent } });
      const value = Array.from({ length: 200 }, (_, id) => ({ id, name: "a name", city: "a city" }));
      await Promise.all(
        Array.from({ length: 50 }, async (_, index) => {
          await redis.set(`key:${index}`, value);
          expect(await redis.get(`key:${index}`)).toEqual(value);
        }),
      );
      // Values of a store count too, also those of streams.
      const store = createStore({ url, token: server.token, onEvent: metrics.onEvent });
      const text = JSON.stringify(value);
      for (let index = 0; index < 10; index++) {
        await store.put(`store:${index}`, new Blob([text], { type: "application/json" }).stream(), {
          kind: "json",
        });
        expect(await store.getText(`store:${index}`)).toBe(text);
      }
      // A frame that something has written over.
      const raw = await fetch(`${url}/getrange/key:1/0/99`, {
        headers: { authorization: `Bearer ${server.token}`, "upstash-response-format": "resp2" },
      });
      const bytes = new Uint8Array(await raw.arrayBuffer()).subarray(6, 106);
      await fetch(`${url}/set/damaged`, {
        method: "POST",
        body: bytes,
        headers: { authorization: `Bearer ${server.token}` },
      });
      await expect(redis.get("damaged")).rejects.toThrow("ZSTASH_TRUNCATED");
      await server.close();

      expect(QUERIES).toHaveLength(4);
      const [ratio, cpu, failures, saved] = QUERIES as [string, string, string, string];
      await until('zstash_values_total{outcome="decoded"}', ([sample]) => sample?.value[1] === "60");
      const some = (samples: readonly Sample[]): boolean =>
        samples.some(({ value: [, text] }) => Number(text) > 0);
      expect(Number((await until(ratio, some))[0]?.value[1])).toBeGreaterThan(5);
      const seconds = await until(cpu, some);
      expect(seconds.map(({ metric }) => metric["operation"]).toSorted()).toEqual(["compress", "decompress"]);
      for (const {
        value: [, text],
      } of seconds)
        expect(Number(text)).toBeGreaterThan(0);
      const failed = (await until(failures, some)).filter(({ value: [, text] }) => Number(text) > 0);
      expect(failed.map(({ metric }) => metric["error_type"])).toEqual(["corrupted"]);
      const share = Number((await until(saved, some))[0]?.value[1]);
      expect(share).toBeGreaterThan(0.8);
      expect(share).toBeLessThan(1);
      const kinds = await until("zstash_compression_ratio_count > 0", (samples) => samples.length === 2);
      expect(kinds.map(({ metric: { kind }, value: [, count] }) => [kind, count]).toSorted()).toEqual([
        ["json", "10"],
        ["text", "50"],
      ]);

      // Every query of the dashboard has an answer in numbers, and every label that its legend names.
      expect(PANELS.length).toBeGreaterThan(20);
      for (const { title, query, legendFormat } of PANELS) {
        expect(query, title).not.toContain("$");
        const answered = await until(query, (samples) =>
          samples.some(({ value: [, number] }) => Number.isFinite(Number(number))),
        );
        const numbers = answered.map(({ value: [, number] }) => Number(number));
        expect(numbers.every(Number.isFinite), title).toBe(true);
        for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g))
          for (const { metric } of answered)
            if (label !== "reason") expect(metric, title).toHaveProperty(label!);
      }
    },
  );

  test("the dashboard asks for metrics that there are, and the alerts too", async () => {
    const names = new Set([...metrics.toPrometheus().matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name!));
    const alerts = readFileSync(join(root, "examples/prometheus/alerts.yml"), "utf8");
    const variables = dashboard.templating.list.map(({ query }) => JSON.stringify(query)).join();
    const asked = [...PANELS.map(({ query }) => query), alerts, variables].join("\n").matchAll(/zstash_\w+/g);
    const bare = [...asked].map(([name]) => name.replace(/_(bucket|sum|count)$/, ""));
    for (const name of bare) expect(names).toContain(name);
    // And leaves none out.
    expect([...names].filter((name) => !bare.includes(name))).toEqual([]);
    // A query that Prometheus does not parse is an error, which the test above would wait on for good.
    await expect(ask("sum(rate(zstash_values_total[5m])")).rejects.toThrow("parse error");
    for (const { query } of PANELS) await expect(ask(query)).resolves.toBeDefined();
  });

  test("takes the text as well-formed", async () => {
    const check = run("promtool", ["check", "metrics"]);
    check.child.stdin?.end(metrics.toPrometheus());
    await expect(check).resolves.toMatchObject({ stdout: "" });
  });

  test("its alerts fire on the figures that they are for", async () => {
    await run("promtool", ["check", "config", join(root, "examples/prometheus/prometheus.yml")]);
    const { stdout } = await run("promtool", [
      "test",
      "rules",
      join(root, "test/integration/metrics/alerts.test.yml"),
    ]);
    expect(stdout).toContain("SUCCESS");
    const alerts = readFileSync(join(root, "examples/prometheus/alerts.yml"), "utf8");
    const names = [...alerts.matchAll(/alert: (\w+)/g)].map(([, name]) => name!);
    expect(names).toHaveLength(4);
    const tests = readFileSync(join(root, "test/integration/metrics/alerts.test.yml"), "utf8");
    for (const name of names) {
      expect(page).toContain(`\`${name}\``);
      expect(tests).toContain(`alertname: ${name}`);
    }
  });
});
