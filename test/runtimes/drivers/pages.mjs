// Pages in the browsers of this machine, for tests that look at one: Chromium and Firefox through playwright, WebKitGTK
// through WebDriver.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { chromiumPath } from "../fixtures/tools.mjs";
import { freePort, listening } from "./browser.mjs";

/** How a page is looked at. @typedef {{ width: number, height: number, colorScheme: "light" | "dark" }} Look */
/**
 * @typedef {{ evaluate(script: string): Promise<any>, screenshot(path: string): Promise<void>, problems: string[],
 *   close(): Promise<void> }} Page `script`: an expression, whose value must be JSON; `problems`: errors on the page
 */

const MINI_BROWSER = "/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser";

/** What is missing on this machine for each browser; undefined where nothing is. */
export const missing = {
  chromium: chromiumPath() ? undefined : "apt-get install chromium",
  firefox: existsSync("/usr/bin/firefox-esr") ? undefined : "apt-get install firefox-esr",
  webkit:
    existsSync(MINI_BROWSER) && existsSync("/usr/bin/xvfb-run")
      ? undefined
      : "apt-get install webkit2gtk-driver xvfb xauth dbus",
};

/**
 * Opens a browser; each page of it has a look of its own.
 * @param {"chromium" | "firefox" | "webkit"} name
 * @returns {Promise<{ open(url: string, look: Look): Promise<Page>, close(): Promise<void> }>}
 */
export const openBrowser = (name) => (name === "webkit" ? openWebKit() : openPlaywright(name));

async function openPlaywright(name) {
  const playwright = await import("playwright");
  const browser = await playwright[name].launch(
    name === "chromium"
      ? { executablePath: chromiumPath(), args: ["--no-sandbox", "--disable-gpu"] }
      : { channel: "moz-firefox", executablePath: "/usr/bin/firefox-esr" },
  );
  return {
    async open(url, { width, height, colorScheme }) {
      const page = await browser.newPage({ viewport: { width, height }, colorScheme });
      const problems = [];
      page.on("pageerror", (error) => problems.push(String(error)));
      page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
      await page.goto(url);
      return {
        problems,
        evaluate: (script) => page.evaluate(script),
        async screenshot(path) {
          await page.screenshot({ path, fullPage: true });
        },
        close: () => page.close(),
      };
    },
    close: () => browser.close(),
  };
}

/** A driver for each page: the colour scheme is that of the desktop's theme. */
async function openWebKit() {
  const { remote } = await import("webdriverio");
  const closers = [];
  return {
    async open(url, { width, height, colorScheme }) {
      const port = await freePort();
      const theme = colorScheme === "dark" ? "Adwaita:dark" : "Adwaita";
      const screen = `-screen 0 1600x2400x24`;
      const command = ["-a", "-s", screen, "/usr/bin/WebKitWebDriver", `--port=${port}`, "--host=127.0.0.1"];
      const driver = spawn("xvfb-run", command, {
        stdio: "ignore",
        detached: true,
        env: { ...process.env, GTK_THEME: theme },
      });
      closers.push(() => process.kill(-driver.pid, "SIGTERM"));
      await listening(port);
      const session = await remote({
        hostname: "127.0.0.1",
        port,
        path: "/",
        logLevel: "error",
        capabilities: {
          browserName: "MiniBrowser",
          // WebKitWebDriver speaks no WebDriver BiDi and refuses a session that asks for it.
          "wdio:enforceWebDriverClassic": true,
          "webkitgtk:browserOptions": { binary: MINI_BROWSER, args: ["--automation"] },
        },
      });
      await session.setWindowSize(width, height);
      await session.url(url);
      return {
        problems: [],
        evaluate: (script) => session.execute(`return (${script})`),
        async screenshot(path) {
          await session.saveScreenshot(path);
        },
        close: () => session.deleteSession(),
      };
    },
    async close() {
      for (const closer of closers) closer();
    },
  };
}
