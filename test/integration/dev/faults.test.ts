/** Faults around the local server: what cannot be started or reached, what goes away, and what nobody else may enter. */
import { execFileSync } from "node:child_process";
import { chmod, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { createConnection, createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { describe, expect, test } from "vitest";
import { createDevServer } from "../../../src/dev/index.ts";
import type { DevServer } from "../../../src/dev/index.ts";
import { redisAvailable, redisPath, startRedis } from "../../support/redis.ts";
import { TOKEN } from "./rig.ts";

async function run(server: DevServer, ...command: unknown[]): Promise<readonly [number, unknown]> {
  const headers = { authorization: `Bearer ${TOKEN}` };
  const answer = await server.fetch("http://x/", { method: "POST", headers, body: JSON.stringify(command) });
  return [answer.status, await answer.json()];
}

/** What a Redis answers to a line on a connection of its own. */
function ask(port: number, line: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(port, "127.0.0.1", () => socket.write(`${line}\r\n`));
    socket.once("error", reject).once("data", (reply) => {
      socket.destroy();
      resolve(reply.toString());
    });
  });
}

const portOf = (server: DevServer): number => Number(/:([0-9]+)/.exec(server.backend.description)?.[1]);

describe.skipIf(!redisAvailable())("a started redis-server", () => {
  test("lets nobody in without its password, which no process list shows", async () => {
    const server = await createDevServer({ backend: "redis-server", token: TOKEN });
    try {
      await run(server, "SET", "k", "v");
      const port = portOf(server);
      for (const line of ["GET k", "FLUSHALL", "CONFIG GET requirepass", "ACL LIST"])
        expect(await ask(port, line)).toMatch(/^-NOAUTH/);
      expect(await ask(port, "AUTH zstash-reader x")).toMatch(/^-WRONGPASS/);
      expect(await run(server, "GET", "k")).toEqual([200, { result: "v" }]);
      const processes = execFileSync("ps", ["-eo", "args"]).toString().split("\n");
      const own = processes.filter((line) => line.includes("redis-server") && line.includes(`${port}`));
      expect(own).toEqual([expect.stringMatching(/^\S*redis-server 127\.0\.0\.1:[0-9]+ *$/)]);
    } finally {
      await server.close();
    }
  });

  test("that is killed is named, with its data, and is not replaced in silence", async () => {
    const server = await createDevServer({ backend: "redis-server", token: TOKEN });
    try {
      const [, info] = await run(server, "INFO", "server");
      const pid = Number(/process_id:([0-9]+)/.exec((info as { result: string }).result)?.[1]);
      process.kill(pid, "SIGKILL");
      const gone =
        "ERR The redis-server that was started has ended (SIGKILL), and its data with it: start anew";
      let answer = await run(server, "GET", "k");
      // The signal and the end of the connection may come in either order.
      for (let turn = 0; turn < 100 && !String(JSON.stringify(answer)).includes("SIGKILL"); turn++) {
        await new Promise((resolve) => setTimeout(resolve, 20));
        answer = await run(server, "GET", "k");
      }
      expect(answer).toEqual([502, { error: gone }]);
    } finally {
      await server.close();
    }
  });

  test("that may not be executed is an error with its reason", async () => {
    const folder = await mkdtemp(join(tmpdir(), "zstash-path-"));
    const path = process.env["PATH"];
    try {
      await writeFile(join(folder, "redis-server"), "#!/bin/sh\nexit 3\n");
      await chmod(join(folder, "redis-server"), 0o644);
      process.env["PATH"] = folder;
      await expect(createDevServer({ backend: "redis-server" })).rejects.toThrow(
        "Cannot start redis-server: EACCES",
      );
      await chmod(join(folder, "redis-server"), 0o755);
      process.env["PATH"] = `${folder}${delimiter}/bin`;
      await expect(createDevServer({ backend: "redis-server" })).rejects.toThrow(
        "Cannot start redis-server: it ended before it was ready, got no output",
      );
    } finally {
      process.env["PATH"] = path;
      await rm(folder, { recursive: true });
    }
  });

  test("is found behind a link, with another name for its folder", async () => {
    const folder = await mkdtemp(join(tmpdir(), "zstash path "));
    const path = process.env["PATH"];
    try {
      await symlink(redisPath() ?? "", join(folder, "redis-server"));
      process.env["PATH"] = `${folder}${delimiter}${path}`;
      const server = await createDevServer({ backend: "redis-server", token: TOKEN });
      expect(await run(server, "PING")).toEqual([200, { result: "PONG" }]);
      await server.close();
    } finally {
      process.env["PATH"] = path;
      await rm(folder, { recursive: true });
    }
  });
});

describe.skipIf(!redisAvailable())("a Redis by URL", () => {
  test("that is killed and comes back is used again, with what it kept", async () => {
    const redis = await startRedis();
    const server = await createDevServer({ redis: redis.url, token: TOKEN });
    try {
      expect(await run(server, "EVAL", "return 7", 0)).toEqual([200, { result: 7 }]);
      await redis.stop("SIGKILL");
      const lost = [
        502,
        { error: expect.stringMatching(/^ERR Cannot reach Redis at 127\.0\.0\.1:[0-9]+: /) as string },
      ];
      expect(await run(server, "SET", "k", "v")).toEqual(lost);
      expect(await run(server, "EVAL", "return 7", 0)).toEqual(lost);
      const next = await startRedis([], redis.port);
      try {
        expect(await run(server, "SET", "k", "v")).toEqual([200, { result: "OK" }]);
        expect(await run(server, "EVAL", "return redis.call('GET', KEYS[1])", 1, "k")).toEqual([
          200,
          { result: "v" },
        ]);
      } finally {
        await next.stop();
      }
    } finally {
      await server.close();
      await redis.stop();
    }
  });

  test("whose user may do little says so", async () => {
    const redis = await startRedis([
      ..."--user guest on >secret ~* +ping".split(" "),
      ..."--user none on >secret ~* -@all".split(" "),
    ]);
    try {
      const at = (user: string): string => `redis://${user}:secret@127.0.0.1:${redis.port}`;
      const server = await createDevServer({ redis: at("guest"), token: TOKEN });
      const [status, refused] = await run(server, "GET", "k");
      expect([status, refused]).toEqual([400, { error: expect.stringMatching(/^NOPERM /) as string }]);
      await server.close();
      await expect(createDevServer({ redis: at("none") })).rejects.toThrow(
        /^Cannot reach Redis at 127\.0\.0\.1:[0-9]+: NOPERM /,
      );
    } finally {
      await redis.stop();
    }
  });

  test("that is in a script is BUSY, and it is no fault of the way there", async () => {
    const redis = await startRedis(["--busy-reply-threshold", "100"]);
    const server = await createDevServer({ redis: redis.url, token: TOKEN });
    try {
      const endless = run(server, "EVAL", "while true do end", 0);
      while ((await run(server, "PING"))[0] === 200);
      await expect(createDevServer({ redis: redis.url })).rejects.toThrow(/: BUSY Redis is busy/);
      expect(await run(server, "SCRIPT", "KILL")).toEqual([200, { result: "OK" }]);
      expect((await endless)[0]).toBe(400);
    } finally {
      await server.close();
      await redis.stop();
    }
  });
});

describe("addresses", () => {
  test("a port in use is left to whoever has it", async () => {
    const taken = createServer((socket) => socket.resume().end("mine"));
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    const { port } = taken.address() as AddressInfo;
    const server = await createDevServer({ backend: "embedded", token: TOKEN });
    await expect(server.listen({ port })).rejects.toMatchObject({ code: "EADDRINUSE" });
    expect(await ask(port, "")).toBe("mine");
    // The server is not lost with the port.
    expect(await run(server, "SET", "k", "v")).toEqual([200, { result: "OK" }]);
    const { url } = await server.listen();
    const answer = await fetch(`${url}/get/k`, { headers: { authorization: `Bearer ${TOKEN}` } });
    expect(await answer.json()).toEqual({ result: "v" });
    await server.close();
    await new Promise((resolve) => taken.close(resolve));
  });

  test.each([["192.0.2.1"], ["nowhere.invalid"]])(
    "%s, which is not of this machine, is the system's error",
    async (host) => {
      const server = await createDevServer({ backend: "embedded" });
      await expect(server.listen({ host })).rejects.toMatchObject({
        code: expect.stringMatching(/^(EADDRNOTAVAIL|ENOTFOUND|EAI_AGAIN)$/) as string,
      });
      await server.close();
    },
  );

  test.each(["http://h", "redis://", "127.0.0.1:6379", "redis://u:pässword@h/x", "rediss://:secret@h", ""])(
    "%j is no URL of a Redis, and the error does not repeat it",
    async (redis) => {
      const error = (await createDevServer({ redis }).catch((thrown: unknown) => thrown)) as Error;
      expect(error).toBeInstanceOf(TypeError);
      expect(error.message).toBe(
        '"redis" must be redis://[user:password@]host[:port][/database], got another text',
      );
    },
  );
});
