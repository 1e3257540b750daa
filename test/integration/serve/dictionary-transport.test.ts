/** The server of docs/dictionary-transport.md, run as it stands there, in front of a real Chromium. */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { chromiumAvailable, useChromium } from "../../support/chromium.ts";
import { sessionOf } from "../../support/dictionaries.ts";

const root = new URL("../../../", import.meta.url);
const runs = chromiumAvailable();

/** A page of a site: what all pages have in common, and rows of its own. */
function pageOf(first: number): string {
  const names = ["overview", "orders", "customers", "reports", "settings", "help", "about", "contact"];
  const links = names.map(
    (name) =>
      `<li class="navigation__item"><a class="navigation__link" href="/${name}.html">${name}</a></li>`,
  );
  const rows = Array.from({ length: 60 }, (_, at) => {
    const { session, user, cart, createdAt } = sessionOf(first + at);
    return `<tr class="table__row"><td>${session}</td><td>${user.name}</td><td>${cart.length}</td><td>${createdAt}</td></tr>`;
  });
  const style = Array.from(
    { length: 120 },
    (_, at) =>
      `.part-${at} { margin: ${(at * 7) % 19}px ${(at * 5) % 23}px; color: #${((at * 2_654_435) % 0xffffff).toString(16)}; }`,
  );
  return `<!doctype html><title>page ${first}</title><style>${style.join("\n")}</style><ul>${links.join("")}</ul><table>${rows.join("\n")}</table>`;
}

describe.runIf(runs)("dictionary transport", () => {
  const open = useChromium();
  const folder = mkdtempSync(join(tmpdir(), "zstash-dcz-"));
  let child: ChildProcess;
  let url: string;
  beforeAll(async () => {
    const text = readFileSync(new URL("docs/dictionary-transport.md", root), "utf8");
    const [, block] = /```js\n([^]*?)```/.exec(text) ?? [];
    mkdirSync(join(folder, "site"));
    for (const [name, first] of [
      ["dictionary", 1],
      ["one", 1000],
      ["two", 2000],
    ] as const)
      writeFileSync(join(folder, "site", `${name}.html`), pageOf(first));
    const entry = new URL("dist/index.js", root).href;
    writeFileSync(join(folder, "server.mjs"), block!.replace('"zstash"', JSON.stringify(entry)));
    child = spawn(process.execPath, ["server.mjs"], { cwd: folder, stdio: ["ignore", "pipe", "inherit"] });
    url = await new Promise((resolve, reject) => {
      child.stdout!.once("data", (line: Buffer) => resolve(String(line).trim()));
      child.once("exit", (code) => reject(new Error(`the server ended with ${code}`)));
    });
  });
  afterAll(() => {
    child.kill();
    rmSync(folder, { recursive: true, force: true });
  });

  interface Shown {
    readonly coding: string | null;
    readonly size: number;
    readonly text: string;
  }

  test("a page is a fraction once the browser has the dictionary, and the same", async () => {
    const page = await open();
    await page.goto(`${url}two.html`);
    const load = (name: string): Promise<Shown> =>
      page.evaluate<Shown>(`(async () => {
        performance.clearResourceTimings();
        const response = await fetch("/${name}.html", { cache: "no-store" });
        const text = await response.text();
        const [entry] = performance.getEntriesByType("resource").slice(-1);
        return { coding: response.headers.get("content-encoding"), size: entry.encodedBodySize, text };
      })()`);
    const before = await load("one");
    expect(before).toMatchObject({ coding: "zstd", text: pageOf(1000) });
    await page.evaluate(`fetch("/dictionary.html").then((response) => response.text())`);
    // The browser registers it in its own time.
    let after = await load("one");
    for (let tries = 0; after.coding !== "dcz" && tries < 100; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      after = await load("one");
    }
    expect(after).toMatchObject({ coding: "dcz", text: pageOf(1000) });
    console.log(`dictionary transport: ${pageOf(1000).length} B, zstd ${before.size} B, dcz ${after.size} B`);
    expect(after.size).toBeLessThan(before.size * 0.75);
    await page.close();
  });

  test("who has another dictionary, or none, never gets dcz", async () => {
    const ask = async (headers: Record<string, string>): Promise<string | null> =>
      (await fetch(`${url}one.html`, { headers })).headers.get("content-encoding");
    expect(await ask({ "accept-encoding": "dcz" })).toBeNull();
    expect(
      await ask({ "accept-encoding": "dcz", "available-dictionary": `:${btoa("x".repeat(32))}:` }),
    ).toBeNull();
    expect((await fetch(`${url}..%2f..%2fetc%2fpasswd`)).status).toBe(404);
  });
});
