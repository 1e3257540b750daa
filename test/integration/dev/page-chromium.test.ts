/** The local server's page in a real Chromium: nothing that is stored runs, the keyboard is enough, many keys are no matter. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createDevServer } from "../../../src/dev/index.ts";
import type { DevServer } from "../../../src/dev/index.ts";
import { connectRedis } from "../../../src/dev/redis/index.ts";
import { Redis } from "../../../src/redis.ts";
import { chromiumAvailable, useChromium, waitFor } from "../../support/chromium.ts";
import type { BrowserPage } from "../../support/chromium.ts";
import { redisAvailable, useRedis } from "../../support/redis.ts";
import { TOKEN } from "./rig.ts";

const headers = { authorization: `Bearer ${TOKEN}` };
const encoder = new TextEncoder();
const bytesOf = (text: string | number[]): Uint8Array =>
  typeof text === "string" ? encoder.encode(text) : Uint8Array.from(text);

/** Each would set `pwned` or open a dialog if it became markup or code. */
const MARKUP = [
  `<script>window.pwned="script"</script>`,
  `"><img src=x onerror="window.pwned='img'">`,
  `'><svg onload=alert(1)>`,
  `</title></pre></script><iframe srcdoc="<script>parent.pwned=1</script>">`,
  `javascript:alert(1)`,
  `{{constructor.constructor('alert(1)')()}}`,
];

/** Names that hide, turn or break what stands around them. */
const NAMES: readonly (readonly [name: string | number[], shown: string])[] = [
  ...MARKUP.map((text) => [text, text] as const),
  ["safe\u202egpj.exe", "safe\\u{202e}gpj.exe"],
  ["nul\0inside", "nul\\u{0}inside"],
  ["two\nlines\tand a tab", "two\\u{a}lines\\u{9}and a tab"],
  ["zero\u200bwidth", "zero\\u{200b}width"],
  [[0xff, 0xfe, 0x41], "��A"],
  ["", "(empty name)"],
  ["=starts like an id", "=starts like an id"],
  [":c3RhcnRz", ":c3RhcnRz"],
];

interface Watched {
  readonly page: BrowserPage;
  /** What went wrong in the page: errors, dialogs, requests to elsewhere. */
  readonly faults: string[];
}

describe.runIf(chromiumAvailable() && redisAvailable())("the page in Chromium", () => {
  const redis = useRedis();
  const openPage = useChromium();
  let server: DevServer;
  let url: string;
  beforeAll(async () => {
    server = await createDevServer({ redis: redis().url, token: TOKEN });
    ({ url } = await server.listen());
  });
  afterAll(() => server.close());

  /** A blank page that is watched. */
  async function watch(at = url, height = 800): Promise<Watched> {
    const page = await openPage({ viewport: { width: 1280, height } });
    const faults: string[] = [];
    page.on("pageerror", (error) => faults.push(`error: ${error.message}`));
    page.on("console", (message) => message.type() === "error" && faults.push(`console: ${message.text()}`));
    page.on("dialog", (dialog) => {
      faults.push("dialog");
      void dialog.dismiss();
    });
    page.on("request", (request) => request.url().startsWith(at) || faults.push(`request: ${request.url()}`));
    return { page, faults };
  }

  /** Opens the page with a ticket. */
  async function open(height = 800): Promise<Watched> {
    const watched = await watch(url, height);
    await watched.page.goto(`${url}/?ticket=${server.ticket()}`);
    await waitFor(watched.page, `document.querySelector(".totals dd") !== null`);
    return watched;
  }

  async function expectUnharmed({ page, faults }: Watched): Promise<void> {
    expect(faults).toEqual([]);
    expect(await page.evaluate("window.pwned ?? null")).toBe(null);
    const counted = `["script", "img", "iframe", "style", "[onload], [onerror]"].map((one) => document.querySelectorAll(one).length)`;
    expect(await page.evaluate(counted)).toEqual([1, 1, 0, 0, 0]);
  }

  /** Wait for a search to have found one key, and open it. */
  async function openOnly(page: BrowserPage, shown: string): Promise<void> {
    const first = `document.querySelector(".rows .line")`;
    await waitFor(
      page,
      `document.querySelectorAll(".rows .line").length === 1 && ${first}.firstChild.textContent === ${JSON.stringify(shown)}`,
    );
    await page.click(".rows .line");
    await waitFor(
      page,
      `document.querySelector(".detail h3") !== null && document.querySelector(".detail .name").textContent === ${JSON.stringify(shown)}`,
    );
  }

  test("nothing that users stored runs, and every character of it can be seen", async () => {
    const direct = await connectRedis(redis().url);
    const send = (...command: (string | number[])[]): Promise<unknown> =>
      direct.execute(command.map(bytesOf));
    try {
      await send("FLUSHALL");
      for (const [name] of NAMES) await send("SET", name, MARKUP.join("\n"));
      for (const [index, text] of MARKUP.entries()) {
        await send("HSET", "a:hash", text, text);
        await send("RPUSH", "a:list", text);
        await send("ZADD", "a:zset", `${index}`, text);
        await send("XADD", "a:stream", "*", text, text);
      }
      await send("SET", "a:binary", [0, 1, 2, 255, 254, 60, 115, 62]);
      await send("SET", `long:${"n".repeat(1 << 20)}`, "a name of a megabyte");
      await send("SET", `long:${"m".repeat(30_000)}`, "a name that can be opened");
      const text = new Redis({ url, token: TOKEN });
      await text.set("a:compressed", { html: MARKUP.join("").repeat(40) });
      for (const name of MARKUP) await fetch(`${url}/get/${encodeURIComponent(name)}`, { headers });
      await fetch(`${url}/${encodeURIComponent(MARKUP[1]!)}/x`, { headers });
      const figures = { client: MARKUP[1], [MARKUP[0]!]: 1 };
      await fetch(`${url}/_zstash/metrics`, { method: "POST", headers, body: JSON.stringify(figures) });
    } finally {
      await direct.close();
    }
    const watched = await open(1600);
    const { page } = watched;
    await waitFor(page, `document.querySelectorAll(".rows .line").length > ${NAMES.length}`);
    const listed = await page.evaluate<string[]>(
      `[...document.querySelectorAll(".rows .key")].map((cell) => cell.textContent)`,
    );
    for (const [, shown] of NAMES) expect(listed).toContain(shown);
    expect(listed.filter((name) => name.length > 210)).toEqual([]);
    for (const [, shown] of NAMES) {
      const row = `[...document.querySelectorAll(".rows .line")].find((line) => line.firstChild.textContent === ${JSON.stringify(shown)})`;
      await page.evaluate(`${row}.click()`);
      await waitFor(
        page,
        `document.querySelector(".detail .name").textContent === ${JSON.stringify(shown)} && document.querySelector(".detail .value") !== null`,
      );
      expect(await page.textContent(".detail .value")).toBe(MARKUP.join("\n"));
    }
    await expectUnharmed(watched);
    for (const key of ["a:hash", "a:list", "a:zset", "a:stream"]) {
      await page.fill("#search", key);
      await openOnly(page, key);
      expect(await page.textContent(".detail .elements")).toContain(MARKUP[1]);
    }
    await page.fill("#search", "a:binary");
    await openOnly(page, "a:binary");
    expect(await page.textContent(".detail .value")).toMatch(
      /^000000 {2}00 01 02 ff fe 3c 73 3e\s+·····<s>$/,
    );
    await page.fill("#search", "a:compressed");
    await openOnly(page, "a:compressed");
    expect(await page.textContent(".detail .value")).toContain(`<script>window.pwned=\\"script\\"</script>`);
    await page.fill("#search", MARKUP[1]!);
    await waitFor(page, `document.querySelectorAll(".rows .line").length === 1`);
    await page.click("#tab-Activity");
    await waitFor(page, `document.querySelectorAll(".requests tbody tr").length > ${MARKUP.length}`);
    await waitFor(page, `document.querySelector(".client") !== null`);
    const shown = (await page.textContent(".activity")) ?? "";
    for (const name of MARKUP.slice(0, 3)) expect(shown).toContain(name.slice(0, 40));
    await page.click("#tab-Connect");
    await expectUnharmed(watched);
    await page.close();
  });

  test("a name of a megabyte is cut and its key not opened; one of 30 KB opens", async () => {
    const { page, faults } = await open();
    await page.fill("#search", "long:m");
    const cut = `long:${"m".repeat(195)}`;
    await waitFor(page, `document.querySelector(".rows .key")?.textContent === ${JSON.stringify(`${cut}…`)}`);
    await page.click(".rows .line");
    await waitFor(page, `document.querySelector(".detail .value") !== null`);
    expect(await page.textContent(".detail .value")).toBe("a name that can be opened");
    await page.click(".close");
    await page.fill("#search", "long:n");
    await waitFor(page, `document.querySelector(".rows .key")?.textContent.startsWith("long:n")`);
    expect((await page.textContent(".rows .key"))!.length).toBe(201);
    await page.click(".rows .line");
    expect(await page.textContent("#spoken")).toContain("too long");
    expect(faults).toEqual([]);
    await page.close();
  });

  test("the keyboard is enough", async () => {
    const { page } = await open();
    const focused = (): Promise<string> =>
      page.evaluate(
        `document.activeElement.id || document.activeElement.getAttribute("role") || document.activeElement.className`,
      );
    await waitFor(page, `document.querySelectorAll(".rows .line").length > 10`);
    await page.keyboard.press("/");
    expect(await focused()).toBe("search");
    await page.keyboard.type("a:*");
    await waitFor(
      page,
      `[...document.querySelectorAll(".rows .key")].every((cell) => cell.textContent.startsWith("a:"))`,
    );
    await page.keyboard.press("ArrowDown");
    expect(await focused()).toBe("grid");
    expect(await page.evaluate(`getComputedStyle(document.activeElement).outlineStyle`)).toBe("solid");
    await page.keyboard.press("End");
    await page.keyboard.press("ArrowUp");
    const active = `document.getElementById(document.activeElement.getAttribute("aria-activedescendant"))`;
    expect(await page.evaluate(`${active}.firstChild.textContent`)).toBe("a:stream");
    await page.keyboard.press("Enter");
    await waitFor(page, `document.querySelector(".detail .elements") !== null`);
    expect(await page.evaluate(`document.querySelector(".detail").contains(document.activeElement)`)).toBe(
      true,
    );
    await page.keyboard.press("Escape");
    expect([await focused(), await page.evaluate(`document.querySelector(".detail").hidden`)]).toEqual([
      "grid",
      true,
    ]);
    await page.evaluate(`document.getElementById("tab-Keys").focus()`);
    await page.keyboard.press("ArrowRight");
    expect(await focused()).toBe("tab-Activity");
    await page.keyboard.press("ArrowRight");
    expect(await page.evaluate(`document.getElementById("panel-Connect").hidden`)).toBe(false);
    // Every control has a name for those who do not see it.
    const nameless = `[...document.querySelectorAll("button, input, [role=grid], [role=region], svg[role=img]")].filter((one) => !(one.getAttribute("aria-label") || one.textContent.trim() || one.labels?.length)).length`;
    expect(await page.evaluate(nameless)).toBe(0);
    await page.close();
  });

  test("the token is asked for without a session, and shown only when asked for", async () => {
    const page = await openPage();
    await page.goto(`${url}/?ticket=none`);
    await waitFor(page, `document.querySelector("form") !== null`);
    expect(await page.textContent("form")).toContain("That link has been used");
    expect(page.url()).toBe(`${url}/`);
    await page.fill("#token", "wrong");
    await page.keyboard.press("Enter");
    await waitFor(page, `document.querySelector("form").textContent.includes("no token of this server")`);
    await page.fill("#token", TOKEN);
    await page.keyboard.press("Enter");
    await waitFor(page, `document.querySelector(".totals dd") !== null`);
    await page.click("#tab-Connect");
    const text = `document.body.innerText.includes(${JSON.stringify(TOKEN)})`;
    expect(await page.evaluate(text)).toBe(false);
    await page.click(".connect button");
    expect(await page.evaluate(text)).toBe(true);
    expect(await page.evaluate("document.cookie")).toBe("");
    await page.close();
  });

  describe.each(["redis", "embedded"] as const)("with 100,000 keys over %s", (kind) => {
    test("it opens by SCAN, in few commands and elements", async () => {
      const many = kind === "redis" ? server : await createDevServer({ backend: "embedded", token: TOKEN });
      const at = kind === "redis" ? url : (await many.listen()).url;
      try {
        await fetch(`${at}/flushall`, { headers });
        for (let part = 0; part < 20; part++) {
          const command = ["MSET"];
          for (let index = 0; index < 5000; index++)
            command.push(`user:${part * 5000 + index}:profile`, `value ${index}`);
          await fetch(at, { method: "POST", headers, body: JSON.stringify(command) });
        }
        const direct = kind === "redis" ? await connectRedis(redis().url) : undefined;
        await direct?.execute([bytesOf("CONFIG"), bytesOf("RESETSTAT")]);
        const { page, faults } = await watch(at);
        const start = performance.now();
        await page.goto(`${at}/?ticket=${many.ticket()}`);
        await waitFor(page, `document.querySelectorAll(".rows .line").length > 5`);
        const rows = performance.now() - start;
        await waitFor(page, `document.querySelector(".list .note").textContent === "100,000 keys"`);
        const all = performance.now() - start;
        // The figure that docs and reports name; no test holds it to a time.
        console.log(
          `100,000 keys over ${kind}: first rows after ${rows.toFixed(0)} ms, all names after ${all.toFixed(0)} ms`,
        );
        await waitFor(page, `document.querySelector(".rows .stored").textContent !== ""`);
        expect(await page.evaluate(`document.querySelectorAll(".rows .line").length`)).toBeLessThan(60);
        await page.evaluate(`document.querySelector(".scroller").scrollTop = 1e9`);
        await waitFor(
          page,
          `[...document.querySelectorAll(".rows .key")].some((cell) => cell.textContent === "user:99999:profile")`,
        );
        await page.fill("#search", "user:777?:*");
        await waitFor(page, `document.querySelector(".list .note").textContent === "10 keys found"`);
        expect(faults).toEqual([]);
        await page.close();
        if (direct !== undefined) {
          const reply = await direct.execute([bytesOf("INFO"), bytesOf("commandstats")]);
          const stats = reply.kind === "bulk" ? new TextDecoder().decode(reply.bytes!) : "";
          const calls = Object.fromEntries(
            [...stats.matchAll(/cmdstat_([a-z|]+):calls=(\d+)/g)].map(([, name, times]) => [
              name!,
              Number(times),
            ]),
          );
          expect(Object.keys(calls)).not.toContain("keys");
          // A list of 21 SCANs, a search of 20 short ones and then 18, and ten for each sample.
          expect(calls["scan"]).toBeLessThanOrEqual(23 + 41 + 3 * 10);
          // A sample of 300 at a time, and the rows in sight.
          expect(calls["getrange"]).toBeLessThanOrEqual(2 * (3 * 300 + 3 * 60));
          await direct.close();
        }
      } finally {
        if (kind === "embedded") await many.close();
      }
    });
  });
});
