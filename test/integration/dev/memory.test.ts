/** The memory of the local server under many slow readers and writers of large values, and others meanwhile. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createConnection } from "node:net";
import type { Socket } from "node:net";
import { describe, expect, test } from "vitest";
import { backends } from "../../support/backends.ts";
import { useProgram } from "../../support/cli-program.ts";
import { requireOrSkip } from "../../support/require-or-skip.ts";

/** The whole of it takes a minute and a gigabyte in the kernel's buffers. */
const LONG = process.env["ZSTASH_LONG"] === "1";
const CLIENTS = LONG ? 500 : 200;
const SIZE = LONG ? 10_000_000 : 5_000_000;
/** Without a bound 200 clients take 1,077 MB and 500 take 2,092 MB; with it both take less than 200 MB. */
const BOUND_MB = 400;
const ANSWERS = 50;

const program = useProgram();
const hasProc = requireOrSkip("/proc", process.platform === "linux", "run it on Linux");

function residentMegabytes(pid: number): number {
  return Number(/VmRSS:\s+([0-9]+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
}

describe.skipIf(!hasProc)("under slow clients", () => {
  test.each(backends)("memory is bounded and others are answered, on %s", async (backend) => {
    const args = ["dev", "--port", "0", "--token", "t", "--backend", backend, "--json"];
    const child = spawn(process.execPath, [program(), ...args], { stdio: ["ignore", "pipe", "inherit"] });
    const text = await new Promise<string>((resolve) =>
      child.stdout.once("data", (data) => resolve(String(data))),
    );
    const { url, port } = JSON.parse(text) as { url: string; port: number };
    const pid = child.pid ?? 0;
    let peak = 0;
    const watch = setInterval(() => (peak = Math.max(peak, residentMegabytes(pid))), 20);
    const headers = { authorization: "Bearer t" };
    const value = new Uint8Array(SIZE).fill(0x61);
    const sockets: Socket[] = [];
    try {
      await fetch(`${url}/set/small/v`, { headers });
      await fetch(`${url}/set/large`, { method: "POST", headers, body: value });
      const head = "HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer t\r\n";
      for (let client = 0; client < CLIENTS; client++) {
        const socket = createConnection(port, "127.0.0.1").on("error", () => undefined);
        sockets.push(socket.pause());
        if (client % 2 === 0) socket.write(`GET /get/large ${head}\r\n`);
        else {
          socket.write(`POST /set/written${client} ${head}Content-Length: ${SIZE}\r\n\r\n`);
          // All but its last byte, of one memory for all.
          socket.write(value.subarray(1));
        }
      }
      const times: number[] = [];
      for (let count = 0; count < ANSWERS; count++) {
        const started = performance.now();
        const answer = await fetch(`${url}/get/small`, { headers });
        expect(await answer.json()).toEqual({ result: "v" });
        times.push(performance.now() - started);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      times.sort((a, b) => a - b);
      console.log(
        `${CLIENTS} slow clients of ${SIZE / 1e6} MB, ${backend}: peak ${Math.round(peak)} MB, ` +
          `p50 of others ${times[ANSWERS / 2]?.toFixed(1)} ms, slowest ${times.at(-1)?.toFixed(0)} ms`,
      );
      expect(peak).toBeLessThan(BOUND_MB);
      // Slow clients that let others wait are cut off: a large value is answered in the end, too.
      const large = await fetch(`${url}/get/large`, { headers });
      expect((await large.text()).length).toBeGreaterThan(SIZE);
      const stored = await fetch(`${url}/set/stored`, { method: "POST", headers, body: value });
      expect(await stored.json()).toEqual({ result: "OK" });
      expect(peak).toBeLessThan(BOUND_MB);
    } finally {
      clearInterval(watch);
      for (const socket of sockets) socket.destroy();
      child.kill("SIGKILL");
    }
  });
});
