/** Request targets reach the local server's commands as they are sent: nothing between the two normalises a path. */
import { createConnection } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createDevServer } from "../../../src/dev/index.ts";
import type { DevServer } from "../../../src/dev/index.ts";
import { startBackends, TOKEN } from "./rig.ts";

const { cases } = await startBackends();

describe.each(cases)("targets on %s", (_, options) => {
  let server: DevServer;
  let port: number;

  beforeAll(async () => {
    server = await createDevServer({ ...options, token: TOKEN, hosts: ["redis"] });
    ({ port } = await server.listen());
  });
  afterAll(() => server.close());
  beforeEach(async () => void (await run("FLUSHALL")));

  const run = async (...command: unknown[]): Promise<unknown> => {
    const headers = { authorization: `Bearer ${TOKEN}` };
    const init = { method: "POST", headers, body: JSON.stringify(command) };
    return ((await (await server.fetch("http://x/", init)).json()) as { result: unknown }).result;
  };
  const keys = async (): Promise<unknown> => ((await run("KEYS", "*")) as string[]).toSorted();

  /** The status and the JSON of a request line sent byte by byte; no status where the connection just ended. */
  const send = (line: string, host = "127.0.0.1"): Promise<readonly [number, unknown]> =>
    new Promise((resolve) => {
      const head = `${line} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\nAuthorization: Bearer ${TOKEN}\r\n\r\n`;
      const socket = createConnection(port, "127.0.0.1", () => socket.write(head, "latin1"));
      let answer = "";
      socket.setEncoding("utf8").on("data", (text: string) => (answer += text));
      socket
        .on("error", () => undefined)
        .on("close", () => {
          const [before = "", body = ""] = answer.split("\r\n\r\n", 2);
          const status = Number(/^HTTP\/1\.1 ([0-9]{3})/.exec(before)?.[1] ?? 0);
          resolve([status, body.startsWith("{") ? JSON.parse(body) : body]);
        });
    });

  const ok = [200, { result: "OK" }];

  test.each([
    ["..", "/set/../v"],
    ["..", "/set/%2e%2e/v"],
    ["..", "/set/%2E./v"],
    [".", "/set/./v"],
    ["", "/set//v"],
    ["a\\b", "/set/a\\b/v"],
    ["a/b", "/set/a%2Fb/v"],
    ["a\tb", "/set/a%09b/v"],
    ["a\0b", "/set/a%00b/v"],
    ["a;b=c", "/set/a;b=c/v"],
    ['<"^`{|}>', '/set/<"^`{|}>/v'],
    ["http://h", "/set/http:%2F%2Fh/v"],
    ["é", "/set/%C3%A9/v"],
  ])("the key %j is that of %s", async (key, target) => {
    expect(await send(`GET ${target}`)).toEqual(ok);
    expect(await keys()).toEqual([key]);
    expect(await run("GET", key)).toBe("v");
  });

  test.each([
    // SET with three arguments or more, of which the third is no option.
    "/set/a/../b/v",
    "/set/a/%2e%2e/b/v",
    "/set/a/./v/w",
    "/set/a//b/v",
    // The command before the dots is the command: these have the name "..", "." or none.
    "/../set/b/v",
    "/./set/b/v",
    "/get/../set/b/v",
    "//set/b/v",
    "///set/b/v",
    "/\\set/b/v",
    "\\set/b/v",
    // No path at all, or a target of another kind.
    "set/b/v",
    "@host/set/b/v",
    ":80/set/b/v",
    "80/set/b/v",
    "*",
    "?/set/b/v",
    "/set/b/v#fragment",
    "/set/b\tc/v",
    "/set/\xe9/v",
    "https://127.0.0.1/set/b/v",
    "ws://127.0.0.1/set/b/v",
    "http:/set/b/v",
    "http://set/b/v",
    "http://flushall",
  ])("%j sets nothing", async (target) => {
    await run("SET", "kept", "v");
    const [status] = await send(`GET ${target}`);
    expect(status === 400 || status === 403).toBe(true);
    expect(await keys()).toEqual(["kept"]);
  });

  test("an absolute-form target runs its path, if its host is one of the server's", async () => {
    expect(await send("GET http://127.0.0.1/set/../v", "127.0.0.1")).toEqual(ok);
    expect(await keys()).toEqual([".."]);
    expect(await send(`GET HTTP://redis:${port}/set/a/v`, `redis:${port}`)).toEqual(ok);
    expect((await send("GET http://evil.example/set/b/v", "127.0.0.1"))[0]).toBe(400);
    expect((await send("GET http://evil.example/set/b/v", "evil.example"))[0]).toBe(403);
    expect((await send("GET http://127.0.0.1/set/b/v", "evil.example"))[0]).toBe(400);
    expect((await send("GET http://user@127.0.0.1/set/b/v", "user@127.0.0.1"))[0]).toBe(400);
    expect(await keys()).toEqual(["..", "a"]);
  });

  test("other forms and methods run nothing", async () => {
    expect((await send("OPTIONS *"))[0]).toBe(204);
    expect((await send(`CONNECT 127.0.0.1:${port}`))[0]).toBe(0);
    expect((await send("TRACE /set/b/v"))[0]).toBe(400);
    expect((await send("DELETE /set/b/v"))[0]).toBe(405);
    expect((await send("GET /ping"))[0]).toBe(200);
    expect(await keys()).toEqual([]);
  });

  test("a name in the path is a feed's only if it stands there", async () => {
    const [status] = await send("GET /x/../subscribe/c");
    expect(status).toBe(400);
  });
});

test("fetch sees what Request leaves of a URL", async () => {
  const server = await createDevServer({ backend: "embedded", token: TOKEN });
  const headers = { authorization: `Bearer ${TOKEN}` };
  // Request itself has made /set/b/v of it.
  const answer = await server.fetch("http://x/set/a/../b/v", { headers });
  expect(await answer.json()).toEqual({ result: "OK" });
  expect(await (await server.fetch("http://x/get/b", { headers })).json()).toEqual({ result: "v" });
  await server.close();
});
