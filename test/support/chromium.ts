/** Drives a real Chromium for tests of pages, by the playwright of test/runtimes. */
import { accessSync, constants } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll } from "vitest";
import { requireOrSkip } from "./require-or-skip.ts";

const EXECUTABLE = "/usr/bin/chromium";
const PACKAGE = fileURLToPath(new URL("../runtimes/node_modules/playwright/package.json", import.meta.url));

/** The part of playwright's page that tests use. */
export interface BrowserPage {
  goto(url: string): Promise<{ status(): number; headers(): Record<string, string> } | null>;
  url(): string;
  evaluate<Result>(script: string): Promise<Result>;
  click(selector: string): Promise<void>;
  fill(selector: string, text: string): Promise<void>;
  textContent(selector: string): Promise<string | null>;
  screenshot(options: { path: string; fullPage?: boolean }): Promise<unknown>;
  on(event: "console", listener: (message: { type(): string; text(): string }) => void): void;
  on(event: "pageerror", listener: (error: Error) => void): void;
  on(event: "dialog", listener: (dialog: { dismiss(): Promise<void> }) => void): void;
  on(event: "request", listener: (request: { url(): string; method(): string }) => void): void;
  readonly keyboard: { press(key: string): Promise<void>; type(text: string): Promise<void> };
  close(): Promise<void>;
}

/**
 * Waits until an expression is true in the page, over its navigations too. A page's own policy forbids what playwright has
 * for this.
 */
export async function waitFor(page: BrowserPage, expression: string): Promise<void> {
  for (;;) {
    const isTrue = await page.evaluate<boolean>(`Boolean(${expression})`).catch((error: unknown) => {
      if (String(error).includes("Execution context was destroyed")) return false;
      throw error;
    });
    if (isTrue) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** What a page is opened with. Each has cookies of its own. */
export interface PageOptions {
  readonly viewport?: { readonly width: number; readonly height: number };
  readonly colorScheme?: "light" | "dark";
  readonly extraHTTPHeaders?: Readonly<Record<string, string>>;
}

interface Browser {
  newContext(options: PageOptions): Promise<{ newPage(): Promise<BrowserPage> }>;
  close(): Promise<void>;
}

interface Playwright {
  readonly chromium: { launch(options: { executablePath: string; args: string[] }): Promise<Browser> };
}

const isThere = (path: string, mode: number): boolean => {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
};

/** Returns true if tests in Chromium can run here; see requireOrSkip. */
export function chromiumAvailable(): boolean {
  const remedy = "apt-get install chromium; npm ci --prefix test/runtimes";
  return requireOrSkip(
    "Chromium",
    isThere(EXECUTABLE, constants.X_OK) && isThere(PACKAGE, constants.R_OK),
    remedy,
  );
}

/** Starts Chromium before the tests of the enclosing file, ends it after them, and gives a function that opens pages. */
export function useChromium(): (options?: PageOptions) => Promise<BrowserPage> {
  let browser: Browser | undefined;
  beforeAll(async () => {
    const { chromium } = createRequire(PACKAGE)("playwright") as Playwright;
    browser = await chromium.launch({ executablePath: EXECUTABLE, args: ["--no-sandbox", "--disable-gpu"] });
  });
  afterAll(() => browser?.close());
  return async (options = {}) => {
    if (browser === undefined) throw new Error("Cannot open a page: the tests have not begun");
    return (await browser.newContext(options)).newPage();
  };
}
