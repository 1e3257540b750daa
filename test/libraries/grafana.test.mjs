// The dashboard of examples/grafana, held to Grafana's published schema: the types of @grafana/schema, by the compiler.
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, describe, expect, test } from "vitest";
import * as schema from "@grafana/schema/dist/esm/raw/dashboard/x/Dashboard_types.gen";

const root = fileURLToPath(new URL("../..", import.meta.url));
const text = readFileSync(join(root, "examples/grafana/zstash.json"), "utf8");
const read = () => JSON.parse(text);
// Beside the packages, so that the compiler finds them.
const cache = join(root, "test/libraries/node_modules/.cache");
mkdirSync(cache, { recursive: true });
const folder = mkdtempSync(join(cache, "grafana-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** JSON has the values of enums, and not their names. */
const PRELUDE = `
import type { Dashboard, Panel } from "@grafana/schema/dist/esm/raw/dashboard/x/Dashboard_types.gen";
import type { FieldConfig, Options as TimeSeries } from "@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";
import type { Options as Stat } from "@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen";
import type { DataQuery } from "@grafana/schema";
type Plain<T> = T extends string ? \`\${T}\`
  : T extends number ? (\`\${T}\` extends \`\${infer Value extends number}\` ? Value : T)
  : T extends readonly (infer Item)[] ? Plain<Item>[]
  : T extends object ? { [Name in keyof T]: Plain<T[Name]> } : T;
interface Target extends Plain<DataQuery> { expr: string; legendFormat: string; editorMode: "code"; range: boolean }
`;

/** What the compiler says of a dashboard: the whole, and what the schema of the whole leaves open, by the types of each panel. */
async function faultsOf(dashboard) {
  const lines = [PRELUDE, `export const dashboard: Plain<Dashboard> = ${JSON.stringify(dashboard)};`];
  for (const panel of dashboard.panels.filter(({ type }) => type !== "row")) {
    const { id, type, options, fieldConfig, targets } = panel;
    lines.push(`export const panel${id}: Plain<Panel> = ${JSON.stringify(panel)};`);
    const kind = { timeseries: "TimeSeries", stat: "Stat" }[type] ?? "never";
    lines.push(`export const options${id}: Plain<${kind}> = ${JSON.stringify(options)};`);
    lines.push(`export const targets${id}: Target[] = ${JSON.stringify(targets)};`);
    const { custom } = fieldConfig.defaults;
    if (custom !== undefined)
      lines.push(`export const custom${id}: Plain<FieldConfig> = ${JSON.stringify(custom)};`);
  }
  const file = join(folder, "check.ts");
  writeFileSync(file, lines.join("\n"));
  const flags = [
    "--noEmit",
    "--strict",
    "--skipLibCheck",
    "--module",
    "nodenext",
    "--target",
    "es2022",
    "--types",
    "",
  ];
  const compiler = join(root, "node_modules/typescript/bin/tsc");
  return promisify(execFile)(process.execPath, [compiler, ...flags, "--ignoreConfig", file]).then(
    () => "",
    ({ stdout }) => stdout,
  );
}

describe("examples/grafana/zstash.json", () => {
  test("is a dashboard of Grafana's schema, and of the version that it has today", async () => {
    expect(await faultsOf(read())).toBe("");
    expect(read().schemaVersion).toBe(schema.defaultDashboard.schemaVersion);
  });

  test.each([
    ["a member that no panel has", (one) => (one.panels[1].titel = "x"), "titel"],
    [
      "a grid of strings",
      (one) => (one.panels[1].gridPos.w = "6"),
      "'string' is not assignable to type 'number'",
    ],
    ["a color mode that there is none", (one) => (one.panels[1].options.colorMode = "rainbow"), "rainbow"],
    [
      "a stacking that there is none",
      (one) => (one.panels[5].fieldConfig.defaults.custom.stacking.mode = "up"),
      "up",
    ],
    ["a variable of no type", (one) => (one.templating.list[0].type = "list"), "list"],
    ["a query without an expression", (one) => delete one.panels[1].targets[0].expr, "expr"],
    ["no schema version", (one) => delete one.schemaVersion, "schemaVersion"],
  ])("%s is seen", async (_, spoil, said) => {
    const dashboard = read();
    spoil(dashboard);
    expect(await faultsOf(dashboard)).toContain(said);
  });

  test("panels have ids of their own, lie beside each other, and say what they show", () => {
    const { panels, uid } = read();
    expect(uid).toMatch(/^[a-z-]{8,40}$/);
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const taken = new Set();
    for (const { gridPos, type, description, title } of panels) {
      expect(title).toBeTruthy();
      if (type !== "row") expect(description).toMatch(/\.$/);
      const { x, y, w, h } = gridPos;
      expect(x + w).toBeLessThanOrEqual(24);
      for (let column = x; column < x + w; column++)
        for (let line = y; line < y + h; line++) {
          expect(taken.has(`${column},${line}`)).toBe(false);
          taken.add(`${column},${line}`);
        }
    }
  });
});
