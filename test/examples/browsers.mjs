// The page of examples/browser in Chromium, Firefox and WebKit, from Redis over a line of 50 Mbit/s, light and dark and at
// two widths. Its pictures stay in .cache/screenshots. `node test/examples/browsers.mjs [--only NAME]`

import { mkdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { loadZstd } from "../../dist/index.js";
import { missing, openBrowser } from "../runtimes/drivers/pages.mjs";
import { pack, root } from "../runtimes/fixture.mjs";
import { reportParts } from "../runtimes/parts.mjs";
import { judgeCrowd, judgePage } from "./page.mjs";
import { copyExample, missingRedis, whileRunning } from "./project.mjs";

const { values: flags } = parseArgs({ options: { only: { type: "string", default: "" } } });
/** CI keeps this folder. */
const screenshots = join(root, ".cache/screenshots");

/** Widths and schemes: all four in one browser, each once in the others. */
const looks = [
  { width: 1280, height: 900, colorScheme: "light" },
  { width: 360, height: 740, colorScheme: "dark" },
  { width: 1280, height: 900, colorScheme: "dark" },
  { width: 360, height: 740, colorScheme: "light" },
];
const browsers = [
  { name: "chromium", native: true, looks },
  { name: "firefox", native: true, looks: looks.slice(0, 2) },
  // WebKit never asks for zstd: there the page decodes.
  { name: "webkit", native: false, looks: looks.slice(2) },
].filter(({ name }) => name.includes(flags.only));

const base = await mkdtemp(join(tmpdir(), "zstash-example-page-"));
/** @type {string[]} */
const lines = [];

async function judgeBrowser({ name, native, looks: ways }, url, storedSize) {
  const browser = await openBrowser(name);
  try {
    for (const look of ways) {
      const page = await browser.open(`${url}/`, look);
      try {
        lines.push(`${name}: ${await judgePage(page, { native, storedSize, rate: 50e6 })}`);
      } finally {
        await page.evaluate("document.getElementById('scroller').scrollTo(0, 0)").catch(() => undefined);
        await page.screenshot(join(screenshots, `example-${name}-${look.width}-${look.colorScheme}.png`));
        await page.close();
      }
    }
  } finally {
    await browser.close();
  }
}

try {
  const tarball = pack(base);
  const redis = missingRedis();
  mkdirSync(screenshots, { recursive: true });
  const zstd = await loadZstd();
  const folder = await copyExample({ base, tarball }, { name: "browser" });
  const parts = (url, storedSize) => [
    { name: "fifty at once", missing: redis, run: () => judgeCrowd(url, (body) => zstd.decompress(body)) },
    ...browsers.map((browser) => ({
      name: browser.name,
      missing: redis ?? missing[browser.name],
      run: () => judgeBrowser(browser, url, storedSize),
    })),
  ];
  if (redis === undefined) {
    const args = ["run", "example", "--", "--rate", "50mbit"];
    await whileRunning(folder, args, async (url, output) => {
      const [, saved] = /flights: [\d,]+ B of JSON, ([\d,]+) B in Redis/.exec(output()) ?? [];
      await reportParts("the example's page", parts(url, Number(saved?.replaceAll(",", ""))));
    });
  } else await reportParts("the example's page", parts("", 0));
} finally {
  await rm(base, { recursive: true, force: true });
}
for (const line of lines) console.log(`  ${line}`);
console.log(`  pictures: ${screenshots}`);
// Drivers of browsers keep sockets open after they have been told to stop.
process.exit();
