/** Hosts, origins and sites that the local server answers over HTTP, and those that it refuses before anything runs. */
import { request as httpRequest } from "node:http";
import type { IncomingMessage } from "node:http";
import { networkInterfaces } from "node:os";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createDevServer } from "../../../src/dev/index.ts";
import type { DevServer } from "../../../src/dev/index.ts";
import { TOKEN } from "./rig.ts";

let server: DevServer;
let port: number;

beforeAll(async () => {
  server = await createDevServer({
    backend: "embedded",
    token: TOKEN,
    hosts: ["Redis", "db.internal"],
    origins: ["https://app.example", "chrome-extension://abcdef"],
  });
  ({ port } = await server.listen());
});
afterAll(() => server.close());

type Fields = Readonly<Record<string, string>>;

/** A request with exactly these fields, and its answer. */
function call(fields: Fields, { path = "/incr/count", method = "GET", address = "127.0.0.1" } = {}) {
  const headers = { host: `127.0.0.1:${port}`, authorization: `Bearer ${TOKEN}`, ...fields };
  return new Promise<IncomingMessage & { text: string }>((resolve, reject) => {
    const request = httpRequest({ host: address, port, path, method, headers, agent: false });
    request.on("error", reject).on("upgrade", () => reject(new Error("it was upgraded")));
    request.on("response", (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (piece: string) => (text += piece));
      response.on("end", () => resolve(Object.assign(response, { text })));
    });
    request.end();
  });
}

async function count(): Promise<unknown> {
  const headers = { authorization: `Bearer ${TOKEN}` };
  return (await (await server.fetch("http://x/get/count", { headers })).json()) as unknown;
}

/** Sends a request that would count, and expects that it has not, and that no page could read the answer. */
async function isRefused(fields: Fields, status: number, reason: RegExp): Promise<void> {
  const before = await count();
  const answer = await call(fields);
  expect([answer.statusCode, answer.headers["content-type"]]).toEqual([status, "application/json"]);
  expect((JSON.parse(answer.text) as { error: string }).error).toMatch(reason);
  expect(answer.headers["access-control-allow-origin"]).toBeUndefined();
  expect(await count()).toEqual(before);
}

describe("Host", () => {
  test.each([
    "localhost",
    "LOCALHOST:80",
    "localhost.",
    "app.localhost:3000",
    "127.0.0.1",
    "127.255.0.9:1",
    "[::1]:8079",
    "redis",
    "REDIS:8079",
    "db.internal",
  ])("%s is answered", async (host) => expect((await call({ host })).statusCode).toBe(200));

  test.each([
    "evil.example",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "notlocalhost",
    "evil-localhost:8079",
    "127.0.0.256",
    "127.1",
    "0177.0.0.1",
    "2130706433",
    "0.0.0.0",
    "[::]",
    "[::ffff:127.0.0.2]",
    "192.0.2.1",
    "redis.evil.example",
    "internal",
  ])("%s is refused, and the way to allow it is named", async (host) =>
    isRefused({ host }, 403, /^ERR requests to the Host .*--host .*"hosts"/),
  );

  test.each(["localhost, localhost", "user@localhost", "localhost/x", "local host", "localhost:x", "[::1"])(
    "%j is malformed",
    async (host) => isRefused({ host }, 400, /^ERR a request needs one Host/),
  );

  test("the address that a connection came to is a Host, on every interface", async () => {
    const [outer] = Object.values(networkInterfaces())
      .flat()
      .filter((one) => one?.family === "IPv4" && !one.internal);
    const open = await createDevServer({ backend: "embedded", token: TOKEN });
    const loopbackPort = port;
    try {
      const address = await open.listen({ host: "0.0.0.0" });
      expect(address.url).toBe(`http://127.0.0.1:${address.port}`);
      port = address.port;
      const headers = { authorization: `Bearer ${TOKEN}` };
      expect(await (await fetch(`${address.url}/ping`, { headers })).json()).toEqual({ result: "PONG" });
      expect((await call({ host: "192.0.2.1" })).statusCode).toBe(403);
      if (outer === undefined) return;
      const at = outer.address;
      expect((await call({ host: `${at}:${port}` }, { address: at })).statusCode).toBe(200);
      expect((await call({ host: "redis" }, { address: at })).statusCode).toBe(403);
      // The way of a page from there, were there one.
      expect(
        (await call({ host: `${at}:${port}`, origin: `http://${at}:${port}` }, { address: at })).statusCode,
      ).toBe(200);
      expect(
        (await call({ host: `${at}:${port}`, origin: `http://${at}:1` }, { address: at })).statusCode,
      ).toBe(403);
    } finally {
      port = loopbackPort;
      await open.close();
    }
  });

  test("an IPv6 address is shown in brackets", async () => {
    const six = await createDevServer({ backend: "embedded", token: TOKEN });
    try {
      const { url } = await six.listen({ host: "::1" });
      expect(url).toMatch(/^http:\/\/\[::1\]:[0-9]+$/);
      const answer = await fetch(`${url}/ping`, { headers: { authorization: `Bearer ${TOKEN}` } });
      expect(answer.status).toBe(200);
    } finally {
      await six.close();
    }
  });
});

describe("Origin", () => {
  test.each([
    "http://localhost:3000",
    "https://localhost",
    "http://app.localhost:5173",
    "http://127.0.0.1:5173",
    "http://127.9.9.9",
    "http://[::1]:3000",
    "https://app.example",
    "chrome-extension://abcdef",
  ])("%s may call and read", async (origin) => {
    const answer = await call({ origin, "sec-fetch-site": "cross-site" });
    expect(answer.statusCode).toBe(200);
    expect(answer.headers["access-control-allow-origin"]).toBe(origin);
    expect(answer.headers["vary"]).toMatch(/\bOrigin\b/);
    const asked = {
      origin,
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization",
      "access-control-request-private-network": "true",
    };
    const preflight = await call(asked, { method: "OPTIONS", path: "/pipeline" });
    expect(preflight.statusCode).toBe(204);
    expect(preflight.headers).toMatchObject({
      "access-control-allow-origin": origin,
      "access-control-allow-headers": "authorization",
      "access-control-allow-private-network": "true",
    });
  });

  test.each([
    "https://evil.example",
    "null",
    "http://localhost.evil.example",
    "http://app.example",
    "https://app.example:444",
    "https://sub.app.example",
    "file://localhost",
    "chrome-extension://localhost",
    "http://localhost:3000/path",
    "http://localhost@evil.example",
    "",
    "http://redis:8079",
  ])("%j is refused", async (origin) => {
    await isRefused({ origin }, 403, /^ERR pages of the origin .*--allow-origin.*"origins"/);
    const preflight = await call(
      {
        origin,
        "access-control-request-method": "POST",
        "access-control-request-private-network": "true",
      },
      { method: "OPTIONS" },
    );
    expect(preflight.statusCode).toBe(403);
    expect(Object.keys(preflight.headers).filter((name) => name.startsWith("access-control-allow"))).toEqual(
      [],
    );
  });

  test("a page of the server itself may call, where its Host is one of the server's", async () => {
    const own = { host: `redis:${port}`, origin: `http://redis:${port}` };
    expect((await call(own)).statusCode).toBe(200);
    await isRefused(
      { ...own, host: `evil.example:${port}`, origin: `http://evil.example:${port}` },
      403,
      /Host/,
    );
  });

  test("in this process too, where the host says nothing", async () => {
    const headers = { authorization: `Bearer ${TOKEN}`, origin: "https://evil.example" };
    expect((await server.fetch("https://evil.example/incr/count", { headers })).status).toBe(403);
  });
});

describe("what says no origin", () => {
  test.each(["cross-site", "same-site"])("is refused from a site that is %s", async (site) =>
    isRefused({ "sec-fetch-site": site }, 403, /^ERR images, links and forms/),
  );

  test.each(["none", "same-origin"])("is answered if the site is %s", async (site) =>
    expect((await call({ "sec-fetch-site": site })).statusCode).toBe(200),
  );

  test("may name its token in the query, unless a browser hides the site", async () => {
    const byQuery = async (fields: Fields): Promise<number | undefined> =>
      (await call({ ...fields, authorization: "" }, { path: `/ping?_token=${TOKEN}` })).statusCode;
    // An empty field is a field: the query does not stand in for it.
    expect(await byQuery({})).toBe(401);
    const plain = async (fields: Fields): Promise<number> =>
      (await fetch(`http://127.0.0.1:${port}/ping?_token=${TOKEN}`, { headers: fields })).status;
    expect(await plain({ "user-agent": "curl/8.5.0" })).toBe(200);
    expect(await plain({ "user-agent": "Mozilla/5.0 (X11; Linux x86_64)" })).toBe(401);
    const site = (await call({ "user-agent": "Mozilla/5.0", "sec-fetch-site": "cross-site" })).statusCode;
    expect(site).toBe(403);
  });
});

test.each(["websocket", "WebSocket", "h2c, websocket"])("an upgrade to %s is refused", async (upgrade) =>
  isRefused({ connection: "Upgrade", upgrade }, 400, /WebSockets/),
);

test("an upgrade to HTTP/2, which curl and Java offer, is passed over", async () => {
  expect((await call({ connection: "Upgrade", upgrade: "h2c" })).statusCode).toBe(200);
});

test.each([
  [{ hosts: 5 }, /^"hosts" must be a string or an array/],
  [{ hosts: ["redis:8079"] }, /^"hosts" must hold a name without a port, got "redis:8079"/],
  [{ hosts: [1] }, /^"hosts" must be a string/],
  [{ origins: ["app.example"] }, /^"origins" must hold an origin/],
  [{ origins: ["https://app.example/"] }, /^"origins"/],
  [{ origins: ["*"] }, /^"origins"/],
])("%j is no option", async (options, text) => {
  await expect(createDevServer({ backend: "embedded", ...(options as object) })).rejects.toThrow(text);
});
