// The runtimes as data: what each needs, and how it runs the suite.

import { existsSync } from "node:fs";
import { runBrowser } from "./drivers/browser.mjs";
import { runEdgeVm } from "./drivers/edge-vm.mjs";
import { runProcess } from "./drivers/process.mjs";
import { runWorkerd } from "./drivers/workerd.mjs";
import { program } from "./fixtures/tools.mjs";

const npmRemedy = "npm ci --prefix test/runtimes";

/** A runtime out of test/runtimes/node_modules. */
const fromNpm = (name, file, run) => ({ name, missing: existsSync(file) ? undefined : npmRemedy, run });
const node = (version) =>
  fromNpm(`Node ${version}`, program(`node${version}`), (fixture) =>
    runProcess(fixture, program(`node${version}`)),
  );
const deno = (name, file) =>
  fromNpm(name, file, (fixture) =>
    runProcess(fixture, file, ["run", "--allow-read", "--allow-env", "--allow-net=127.0.0.1"]),
  );
const bun = (name, file) => fromNpm(name, file, (fixture) => runProcess(fixture, file));
const workerd = (name, compatibilityDate) =>
  fromNpm(name, program("workerd"), (fixture) => runWorkerd(fixture, compatibilityDate));
const browser = (name, executable, package_, run) => ({
  name,
  missing: existsSync(executable) ? undefined : `apt-get install ${package_}`,
  run,
});

/** One runtime of each kind that is through in seconds: `npm test` runs these alone. */
const quick = (runtime) => ({ ...runtime, quick: true });

/** @type {readonly { name: string, missing: string | undefined, quick?: boolean, run(fixture: import("./fixture.mjs").Fixture): Promise<import("../conformance/index.ts").Report> }[]} */
export const runtimes = [
  // The oldest versions that are supported stand beside today's.
  node("20.0"),
  node(20),
  node(22),
  quick(node(24)),
  node(26),
  deno("Deno 2.0", program("deno2.0")),
  quick(deno("Deno", program("deno"))),
  bun("Bun 1.2", program("bun1.2")),
  bun("Bun", program("bun")),
  workerd("workerd of 2024-09", "2024-09-01"),
  quick(workerd("workerd", "2025-06-01")),
  fromNpm("Edge runtime", program("../@edge-runtime/vm/package.json"), runEdgeVm),
  browser("Chromium", "/usr/bin/chromium", "chromium", (fixture) => runBrowser(fixture, "chromium")),
  browser("Firefox", "/usr/bin/firefox-esr", "firefox-esr", (fixture) => runBrowser(fixture, "firefox")),
  browser("WebKit", "/usr/bin/WebKitWebDriver", "webkit2gtk-driver xvfb xauth dbus", (fixture) =>
    runBrowser(fixture, "webkit"),
  ),
];
