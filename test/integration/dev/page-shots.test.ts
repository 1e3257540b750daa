/** The page of the local server in a real Chromium at two widths, light and dark: pictures to look at, and their layout. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadZstd } from "../../../src/index.ts";
import { createDevServer } from "../../../src/dev/index.ts";
import type { DevServer } from "../../../src/dev/index.ts";
import { Redis } from "../../../src/redis.ts";
import { createStore } from "../../../src/store/index.ts";
import { chromiumAvailable, useChromium, waitFor } from "../../support/chromium.ts";
import type { BrowserPage } from "../../support/chromium.ts";

/** CI keeps this folder. */
const FOLDER = fileURLToPath(new URL("../../../.cache/screenshots", import.meta.url));

const rows = (count: number): object[] =>
  Array.from({ length: count }, (_, index) => ({
    id: index,
    name: `Customer ${index}`,
    city: ["Berlin", "Lyon", "Porto", "Graz"][index % 4],
    orders: [{ sku: `A-${index % 17}`, price: (index * 37) % 1000 }],
  }));

/** A database as people have it: JSON of several sizes, a session, counters, a list, a hash, large and damaged values. */
async function fillDatabase(server: DevServer, url: string): Promise<void> {
  const options = { url, token: server.token };
  const redis = new Redis(options);
  for (let index = 0; index < 40; index++) await redis.set(`customer:${index}`, rows(3 + ((index * 7) % 90)));
  await redis.set("session:4f2a9c", { user: 17, cart: rows(12) }, { ex: 7_200 });
  await redis.set("note:short", "too small to be compressed");
  await redis.incr("counter:visits");
  await redis.hset("catalog", { first: rows(20), second: "plain", third: rows(60) });
  await redis.rpush("queue:mail", "one", "two", JSON.stringify(rows(4)));
  const store = createStore(options);
  await store.put("export:customers.json", JSON.stringify(rows(20_000)), { layout: { frameSize: 200_000 } });
  const frame = (await loadZstd()).compress(new TextEncoder().encode(JSON.stringify(rows(80))), { level: 3 });
  frame[frame.length - 9]! ^= 0x55;
  const headers = { authorization: `Bearer ${server.token}` };
  await fetch(`${url}/set/damaged:value`, { method: "POST", headers, body: frame });
  await fetch(`${url}/nosuchcommand/x`, { headers });
  const figures = {
    client: "web-1",
    compressed: 48,
    decompressed: 12,
    original_bytes: 191_733,
    stored_bytes: 22_870,
  };
  await fetch(`${url}/_zstash/metrics`, { method: "POST", headers, body: JSON.stringify(figures) });
}

const widths = [
  ["wide", { width: 1280, height: 860 }],
  ["narrow", { width: 360, height: 740 }],
] as const;
const cases = widths.flatMap(([name, viewport]) =>
  (["light", "dark"] as const).map((colorScheme) => ({ name, viewport, colorScheme })),
);

/** How far the page is wider than its window, and elements that stick out without a scroller around them. */
const OVERFLOW = `(() => {
  const width = document.documentElement.clientWidth;
  const clipped = (element) => element.closest(".scroller, .wide, pre, .line") !== null;
  const wide = [...document.querySelectorAll("body *")].filter((element) => {
    const box = element.getBoundingClientRect();
    return box.width > 0 && box.right > width + 1 && !clipped(element) && !element.classList.contains("hidden");
  });
  return [document.documentElement.scrollWidth - width, ...wide.map((element) => element.outerHTML.slice(0, 120))];
})()`;

describe.runIf(chromiumAvailable())("the page as it looks", () => {
  const openPage = useChromium();
  let server: DevServer;
  let empty: DevServer;
  let url: string;
  let emptyUrl: string;
  beforeAll(async () => {
    mkdirSync(FOLDER, { recursive: true });
    server = await createDevServer({ token: "a-token-of-this-test" });
    empty = await createDevServer({ backend: "embedded" });
    ({ url } = await server.listen());
    ({ url: emptyUrl } = await empty.listen());
    await fillDatabase(server, url);
  });
  afterAll(() => Promise.all([server.close(), empty.close()]));

  test.each(cases)("$name, $colorScheme: no view is wider than its window", async (options) => {
    const { name, colorScheme } = options;
    const shoot = async (page: BrowserPage, view: string): Promise<void> => {
      await page.evaluate("new Promise((done) => setTimeout(done, 150))");
      await page.screenshot({ path: join(FOLDER, `${name}-${colorScheme}-${view}.png`), fullPage: true });
      expect(await page.evaluate(OVERFLOW), view).toEqual([0]);
    };
    const page = await openPage(options);
    await page.goto(`${url}/`);
    await waitFor(page, `document.querySelector("form") !== null`);
    await shoot(page, "token");
    await page.goto(`${url}/?ticket=${server.ticket()}`);
    await waitFor(page, `document.querySelectorAll(".rows .line.packed").length > 5`);
    await shoot(page, "keys");
    for (const key of ["customer:20", "export:customers.json", "catalog", "damaged:value"]) {
      await page.fill("#search", key);
      await waitFor(
        page,
        `document.querySelector(".rows .line .key")?.textContent === ${JSON.stringify(key)}`,
      );
      await page.click(".rows .line");
      await waitFor(
        page,
        `document.querySelector(".detail .name").textContent === ${JSON.stringify(key)} && document.querySelector(".detail h3") !== null`,
      );
      await shoot(page, `key-${key.replace(/\W.*/, "")}`);
      await page.click(".close");
    }
    await page.click("#tab-Activity");
    for (let index = 0; index < 2; index++) {
      await Promise.all(
        Array.from({ length: 20 }, (_, n) =>
          fetch(`${url}/get/customer:${n}`, { headers: { authorization: `Bearer ${server.token}` } }),
        ),
      );
      await page.evaluate("new Promise((done) => setTimeout(done, 1100))");
    }
    await waitFor(page, `document.querySelector(".series.second")?.getAttribute("d")`);
    await shoot(page, "activity");
    await page.click("#tab-Connect");
    await shoot(page, "connect");
    await page.close();
    const none = await openPage(options);
    await none.goto(`${emptyUrl}/?ticket=${empty.ticket()}`);
    await waitFor(none, `document.querySelector(".empty button") !== null`);
    await shoot(none, "empty");
    await none.click("#tab-Activity");
    await shoot(none, "empty-activity");
    await none.close();
  });
});
