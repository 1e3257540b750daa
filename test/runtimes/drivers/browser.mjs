// Browsers through vitest's browser mode, one at a time; the page writes its report as a line on the console.

import { execFile, spawn } from "node:child_process";
import { connect, createServer } from "node:net";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("..", import.meta.url));
const MARK = "zstash-report:";

/**
 * @param {import("../fixture.mjs").Fixture} fixture
 * @param {"chromium" | "firefox" | "webkit"} name
 */
export async function runBrowser({ server }, name) {
  const vitest = [
    process.execPath,
    "node_modules/vitest/vitest.mjs",
    "run",
    "--config",
    "vitest.browser.config.ts",
  ];
  const environment = { ZSTASH_SERVER: JSON.stringify(server) };
  if (name !== "webkit") return runVitest(name, vitest, environment);
  const port = await freePort();
  // WebKitGTK has no headless mode of its own: driver and browser run on a virtual display.
  const driver = spawn("xvfb-run", ["-a", "/usr/bin/WebKitWebDriver", `--port=${port}`, "--host=127.0.0.1"], {
    stdio: "ignore",
    detached: true,
  });
  try {
    await listening(port);
    return await runVitest(name, vitest, { ...environment, ZSTASH_WEBDRIVER_PORT: String(port) });
  } finally {
    process.kill(-driver.pid, "SIGTERM");
  }
}

async function runVitest(name, [command, ...args], environment) {
  const output = await new Promise((resolve, reject) => {
    const options = {
      cwd: folder,
      maxBuffer: 64 << 20,
      timeout: 300_000,
      env: { ...process.env, ...environment, ZSTASH_BROWSER: name, NO_COLOR: "1" },
    };
    execFile(command, args, options, (error, stdout, stderr) => {
      const line = stdout.split("\n").find((text) => text.includes(MARK));
      if (line === undefined) {
        reject(
          new Error(
            `${name} gave no report: ${error?.message}\n${stdout.slice(-3000)}\n${stderr.slice(-3000)}`,
          ),
        );
      } else resolve(line.slice(line.indexOf(MARK) + MARK.length));
    });
  });
  return JSON.parse(output);
}

export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Waits until something accepts connections on the port, up to 20 s. */
export async function listening(port) {
  for (let attempt = 0; attempt < 200; attempt++) {
    const open = await new Promise((resolve) => {
      const socket = connect(port, "127.0.0.1", () => resolve(true)).on("error", () => resolve(false));
      socket.on("connect", () => socket.destroy());
    });
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`nothing listens on port ${port} after 20 s`);
}
