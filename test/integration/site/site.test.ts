/** The documentation as a site: it builds without a dead link, and its main pages show what they should at two widths. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { chromiumAvailable, useChromium } from "../../support/chromium.ts";
import { root } from "../../support/repository.ts";
import { requireOrSkip } from "../../support/require-or-skip.ts";

const SITE = join(root, ".cache/site");
/** CI keeps this folder. */
const SHOTS = join(root, ".cache/screenshots");
const installed = requireOrSkip(
  "the documentation's tools",
  existsSync(join(root, "docs/site/node_modules/vitepress")),
  "npm ci --prefix docs/site",
);

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
};

/** The main pages, and what each has to show. */
const PAGES = [
  ["home", "/", "zstash"],
  ["quick-start", "/quick-start", "Quick start"],
  ["client", "/client", "The client"],
  ["errors", "/errors", "Errors by code"],
  ["api", "/api/", "zstash"],
] as const;
const WIDTHS = [
  ["wide", 1280],
  ["narrow", 390],
] as const;

describe.runIf(installed)("the documentation site", () => {
  let server: Server | undefined;
  let url: string;
  beforeAll(async () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ["docs/site/site.mjs"], {
      cwd: root,
      encoding: "utf8",
    });
    if (status !== 0)
      throw new Error(`the site does not build: ${stdout.slice(-2000)}${stderr.slice(-2000)}`);
    console.log(stdout.trim().split("\n").at(-1));
    // As a host serves it: /client is client.html.
    const listening = createServer((request, response) => {
      const path = decodeURIComponent(new URL(request.url ?? "/", "http://localhost").pathname);
      const file = [path, `${path}.html`, `${path}index.html`]
        .map((one) => join(SITE, one))
        .find((one) => one.startsWith(SITE) && existsSync(one) && statSync(one).isFile());
      if (file === undefined) return void response.writeHead(404).end();
      response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream" });
      response.end(readFileSync(file));
    });
    server = listening;
    await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(listening.address() as AddressInfo).port}`;
    mkdirSync(SHOTS, { recursive: true });
  }, 600_000);
  afterAll(() => server && new Promise((resolve) => server!.close(resolve)));

  test("has a page for each module of the package, with its functions' examples", () => {
    const { exports } = JSON.parse(readFileSync(join(root, "deno.json"), "utf8")) as { exports: object };
    const index = readFileSync(join(SITE, "api/index.html"), "utf8");
    for (const subpath of Object.keys(exports)) expect(index).toContain(`>zstash${subpath.slice(1)}</a>`);
    const store = readFileSync(join(SITE, "api/zstash/store/functions/createStore.html"), "utf8");
    expect(store).toContain("Example");
    // typedoc and its plugin leave out which class is thrown, unless they are told.
    expect(store).toMatch(/Throws[^]*<code>TypeError[^<]*<\/code> /);
  });

  test("has every page of docs/ in its sidebar, with a title", () => {
    const page = readFileSync(join(SITE, "client.html"), "utf8");
    const names = readdirSync(join(root, "docs"))
      .filter((name) => name.endsWith(".md") && name !== "README.md")
      .map((name) => name.slice(0, -3));
    expect(names.length).toBeGreaterThan(40);
    expect(names.filter((name) => !page.includes(`href="/${name}"`))).toEqual([]);
    const untitled = names.filter(
      (name) => !/<title>[^<|]+ \| zstash<\/title>/.test(readFileSync(join(SITE, `${name}.html`), "utf8")),
    );
    expect(untitled).toEqual([]);
  });

  describe.runIf(chromiumAvailable())("in a browser", () => {
    const openPage = useChromium();
    test.each(
      PAGES.flatMap(([name, path, heading]) =>
        WIDTHS.map(([width, pixels]) => ({ name, path, heading, width, pixels })),
      ),
    )(
      "$name, $width: its heading, no fault, nothing sticks out",
      async ({ name, path, heading, width, pixels }) => {
        const page = await openPage({ viewport: { width: pixels, height: 900 } });
        const faults: string[] = [];
        page.on("pageerror", (error) => faults.push(error.message));
        page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
        try {
          await page.goto(`${url}${path}`);
          expect(await page.textContent("h1")).toContain(heading);
          const overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
          expect(await page.evaluate<number>(overflow)).toBeLessThanOrEqual(0);
          await page.screenshot({ path: join(SHOTS, `site-${name}-${width}.png`) });
          // favicon.ico is asked for by every browser.
          expect(faults.filter((fault) => !fault.includes("404"))).toEqual([]);
        } finally {
          await page.close();
        }
      },
    );

    test("search finds an error by its code", async () => {
      const page = await openPage({ viewport: { width: 1280, height: 900 } });
      try {
        await page.goto(`${url}/`);
        const open = "document.querySelector('#localsearch-input') !== null";
        // The page hears its keys only once its script has run.
        while (!(await page.evaluate<boolean>(open))) {
          await page.keyboard.press("Control+k");
          await new Promise((resolve) => setTimeout(resolve, 500));
        }
        await page.fill("#localsearch-input", "DICTIONARY_UNKNOWN");
        const found = "document.querySelector('#localsearch-list a')?.getAttribute('href') ?? ''";
        while ((await page.evaluate<string>(found)) === "")
          await new Promise((resolve) => setTimeout(resolve, 50));
        expect(await page.evaluate<string>(found)).toMatch(/errors#dictionary-unknown/);
      } finally {
        await page.close();
      }
    });
  });
});
