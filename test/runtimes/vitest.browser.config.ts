/** The configuration of vitest that drives the browsers of this machine. */
import { fileURLToPath } from "node:url";
import { playwright } from "@vitest/browser-playwright";
import { webdriverio } from "@vitest/browser-webdriverio";
import { defineConfig } from "vitest/config";

const dist = (path: string): string => fileURLToPath(new URL(`../../dist/${path}`, import.meta.url));

/** WebKitGTK: vitest knows WebKit as Safari alone, so the capabilities are put right before the session starts. */
function webKit(): ReturnType<typeof webdriverio> {
  const provider = webdriverio({
    hostname: "127.0.0.1",
    port: Number(process.env["ZSTASH_WEBDRIVER_PORT"] ?? 0),
    path: "/",
  } as Parameters<typeof webdriverio>[0]);
  const { providerFactory } = provider;
  return {
    ...provider,
    providerFactory(project) {
      const made = providerFactory(project);
      return Object.assign(made, {
        buildCapabilities: () => ({
          browserName: "MiniBrowser",
          // WebKitWebDriver speaks no WebDriver BiDi and refuses a session that asks for it.
          "wdio:enforceWebDriverClassic": true,
          "webkitgtk:browserOptions": {
            binary: "/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser",
            args: ["--automation"],
          },
        }),
      });
    },
  };
}

/** Debian's browsers; vitest's own downloads are not needed. */
const instances = {
  chromium: {
    browser: "chromium",
    provider: playwright({
      launchOptions: { executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] },
    }),
  },
  firefox: {
    browser: "firefox",
    provider: playwright({
      launchOptions: { channel: "moz-firefox", executablePath: "/usr/bin/firefox-esr" },
    }),
  },
  webkit: { browser: "safari", provider: webKit() },
} as const;

const name = (process.env["ZSTASH_BROWSER"] ?? "chromium") as keyof typeof instances;

export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  server: { fs: { allow: [fileURLToPath(new URL("../..", import.meta.url))] } },
  resolve: {
    alias: [
      { find: /^zstash$/, replacement: dist("index.js") },
      { find: /^zstash\/(decode|redis)$/, replacement: dist("$1.js") },
      { find: /^zstash\/(dev|serve|store|train|upstash)$/, replacement: dist("$1/index.js") },
    ],
  },
  // Found only behind package.json's "#sdk"; found late, it makes Vite load the page again.
  optimizeDeps: { include: ["@upstash/redis/node"] },
  test: {
    include: ["browser.test.ts"],
    // What the page sends its requests to.
    provide: { server: JSON.parse(process.env["ZSTASH_SERVER"] ?? "{}") },
    reporters: ["default"],
    disableConsoleIntercept: false,
    browser: {
      enabled: true,
      headless: name !== "webkit",
      screenshotFailures: false,
      instances: [instances[name]],
    },
  },
});
