/** docs/rollout.md names the steps that rollout.test.ts plays, and metrics and alerts that there are. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createMetrics } from "../../../src/metrics/index.ts";
import { root } from "../../support/repository.ts";

test("docs/rollout.md names these steps in this order, and metrics and alerts that there are", () => {
  const page = readFileSync(join(root, "docs/rollout.md"), "utf8");
  const steps = [...page.matchAll(/^### \d\. (.+)$/gm)].map(([, title]) => title);
  expect(steps).toEqual(["Estimate", "Shadow", "Read-only", "On", "Migrate", "Undo"]);
  const names = createMetrics().toPrometheus();
  for (const [name] of page.matchAll(/zstash_[a-z_]+/g)) expect(names).toContain(`# TYPE ${name} `);
  const alerts = readFileSync(join(root, "examples/prometheus/alerts.yml"), "utf8");
  const known = [...alerts.matchAll(/alert: (\w+)/g)].map(([, name]) => name!);
  for (const name of known) expect(page).toContain(`\`${name}\``);
});
