// The examples that serve stored values, as data: how each is built and started, and what holds for one alone.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { root } from "../runtimes/fixture.mjs";
import { ask } from "./crowd.mjs";
import { runCommand } from "./project.mjs";

const next16 = join(root, "test/next/16");
const next = {
  packages: next16,
  missing: existsSync(join(next16, "node_modules")) ? undefined : "npm ci --prefix test/next/16",
  build: (folder) => runCommand(folder, "npm", ["run", "build"]),
  args: ["run", "dev", "--", "-p", "0", "-H", "127.0.0.1"],
};
const body = async (url) => String((await ask(url)).body);

/**
 * `path`: where its report is; `passes: false`: its host removes Content-Encoding, so that nobody gets zstd.
 *
 * @type {readonly { name: string, title: string, args: readonly string[], path?: string, passes?: boolean,
 *   packages?: string, missing?: string | undefined, build?(folder: string): Promise<unknown>,
 *   judge?(url: string): Promise<unknown> }[]}
 */
export const servers = [
  { name: "node", title: "node:http", args: ["run", "dev"] },
  { name: "hono", title: "Hono", args: ["run", "dev"] },
  { name: "bun", title: "Bun.serve", args: ["run", "dev"] },
  { name: "deno", title: "Deno.serve", args: ["run", "dev"] },
  {
    name: "worker",
    title: "Cloudflare Worker",
    args: ["run", "dev", "--", "--port", "0", "--ip", "127.0.0.1"],
    async judge(url) {
      // Its cache keeps the frame, for whoever asks next, in either coding.
      for (const coding of ["zstd", "identity"]) {
        const { headers } = await ask(`${url}/reports/2026`, { "accept-encoding": coding });
        if (headers["x-report-from"] !== "cache") throw new Error(`${coding} did not come from the cache`);
      }
      const first = await ask(`${url}/reports/2027`);
      if (first.headers["x-report-from"] !== "redis") throw new Error("another report came from the cache");
    },
  },
  {
    name: "vercel-edge",
    title: "Vercel Edge",
    ...next,
    passes: false,
    async judge(url) {
      const answer = await body(`${url}/api`);
      if (answer !== "365 days read back") throw new Error(`/api answered ${answer}`);
    },
  },
  {
    name: "nextjs",
    title: "Next.js on Node",
    ...next,
    path: "/api/reports/2026",
    async judge(url) {
      const page = await body(url);
      if (!/December<\/th><td[^>]*>[\d,]{6,}<\/td>/.test(page)) throw new Error(`the page shows ${page}`);
    },
  },
];
