/** Who may open the local server's page and ask its endpoints, what they answer, and with which headers. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createDevServer } from "../../../src/dev/index.ts";
import type { DevServer, RequestRecord } from "../../../src/dev/index.ts";
import { Redis } from "../../../src/redis.ts";
import { READER, startBackends, TOKEN } from "./rig.ts";

const HTML = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };
const { cases } = await startBackends();

describe.each(cases)("the page over %s", (_, backend) => {
  let server: DevServer;
  let url: string;
  const records: RequestRecord[] = [];
  beforeAll(async () => {
    server = await createDevServer({
      ...backend,
      token: TOKEN,
      readOnlyToken: READER,
      onRequest: (record) => void records.push(record),
    });
    ({ url } = await server.listen());
  });
  afterAll(() => server.close());

  const get = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(url + path, { headers, redirect: "manual" });
  const post = (path: string, body: string, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(url + path, { method: "POST", body, headers });
  /** The cookie of a session, without its attributes. */
  const cookieOf = (response: Response): string => (response.headers.get("set-cookie") ?? "").split(";")[0]!;
  const openSession = async (): Promise<string> => cookieOf(await get(`/?ticket=${server.ticket()}`, HTML));

  test("curl on / still gets JSON, and a browser a page that holds no secret", async () => {
    const curl = await get("/", { accept: "*/*" });
    expect([curl.status, await curl.json()]).toEqual([
      401,
      { error: "WRONGPASS invalid or missing auth token" },
    ]);
    const page = await get("/", HTML);
    expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
    const text = await page.text();
    expect(text).toContain("<title>zstash dev</title>");
    expect(text).not.toContain(TOKEN);
    // Nothing inline, nothing from elsewhere.
    expect(text).not.toMatch(/<script[^>]*>[^<]|<style|\son\w+=|https?:/);
    const files = [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path!);
    expect(files.length).toBeGreaterThan(2);
    for (const path of files) {
      const file = await get(path);
      expect([path, file.status, file.headers.get("x-content-type-options")]).toEqual([path, 200, "nosniff"]);
      const source = await file.text();
      // The one address is a name: SVG's own namespace.
      expect(source.replaceAll("http://www.w3.org/2000/svg", "")).not.toMatch(/https?:\/\/(?!127)/);
    }
  });

  test("POST / stays the endpoint of a command, whatever it accepts", async () => {
    const response = await post("/", '["PING"]', { authorization: `Bearer ${TOKEN}`, ...HTML });
    expect(await response.json()).toEqual({ result: "PONG" });
  });

  test.each(["/", "/_zstash/page.js", "/_zstash/server", "/_zstash/none"])(
    "%s forbids what a page could be made to do",
    async (path) => {
      const { headers } = await get(path, HTML);
      const policy = headers.get("content-security-policy") ?? "";
      for (const part of [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
      ])
        expect(policy).toContain(part);
      expect(policy).not.toContain("unsafe");
      expect(Object.fromEntries(headers)).toMatchObject({
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cross-origin-resource-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
        "cache-control": "no-store",
      });
      expect(headers.has("access-control-allow-origin")).toBe(false);
    },
  );

  test("a ticket opens the page once", async () => {
    const ticket = server.ticket();
    expect(
      (
        await fetch(`${url}/?ticket=${ticket}`, { method: "HEAD", headers: HTML, redirect: "manual" })
      ).headers.has("set-cookie"),
    ).toBe(false);
    const first = await get(`/?ticket=${ticket}`, HTML);
    expect([first.status, first.headers.get("location")]).toEqual([303, "/"]);
    expect(first.headers.get("set-cookie")).toMatch(
      /^zstash_page_[\w-]{8}=[\w-]{32}; Path=\/_zstash\/; Max-Age=43200; HttpOnly; SameSite=Strict$/,
    );
    expect(await (await get("/_zstash/server", { cookie: cookieOf(first) })).json()).toMatchObject({
      token: TOKEN,
    });
    for (const used of [ticket, "", "x", cookieOf(first).split("=")[1]!]) {
      const again = await get(`/?ticket=${used}`, HTML);
      expect([again.status, again.headers.get("location"), again.headers.get("set-cookie")]).toEqual([
        303,
        "/#ticket",
        null,
      ]);
    }
  });

  test("the token opens a session, for the page's own origin alone", async () => {
    const opened = await post("/_zstash/session", TOKEN, { origin: url });
    expect(opened.status).toBe(200);
    expect((await get("/_zstash/server", { cookie: cookieOf(opened) })).status).toBe(200);
    const refused = await Promise.all([
      post("/_zstash/session", "wrong", { origin: url }),
      // A token that only reads is not shown the other one.
      post("/_zstash/session", READER, { origin: url }),
      post("/_zstash/session", TOKEN, { origin: "http://127.0.0.1:1" }),
      post("/_zstash/session", TOKEN, { "sec-fetch-site": "same-site" }),
      post("/_zstash/session", TOKEN, { origin: "null" }),
    ]);
    expect(refused.map(({ status }) => status)).toEqual([401, 401, 403, 403, 403]);
    expect(refused.every(({ headers }) => !headers.has("set-cookie"))).toBe(true);
  });

  const data = ["server", "totals", "requests?after=0&since=0", "keys?cursor=0&match=", "metrics"];

  test.each(data)("GET %s needs a session, and a request of the page itself", async (path) => {
    const cookie = await openSession();
    expect((await get(`/_zstash/${path}`, { cookie })).status).toBe(200);
    const others: Record<string, string>[] = [
      {},
      { authorization: `Bearer ${TOKEN}` },
      { cookie: cookie.replace(/.$/, "") },
      { cookie: `other=1; ${cookie.split("=")[0]}=` },
      { cookie, origin: "http://localhost:3000" },
      { cookie, "sec-fetch-site": "same-site" },
      { cookie, "sec-fetch-site": "cross-site" },
    ];
    for (const headers of others)
      expect((await get(`/_zstash/${path}`, headers)).status, JSON.stringify(headers)).toBe(401);
  });

  test("a session allows no command", async () => {
    const cookie = await openSession();
    const asked = await Promise.all([
      get("/get/k", { cookie }),
      get("/set/k/v", { cookie, origin: url }),
      post("/", '["FLUSHALL"]', { cookie, origin: url }),
      post("/pipeline", '[["SET","k","v"]]', { cookie, origin: url }),
      post("/multi-exec", '[["SET","k","v"]]', { cookie, origin: url }),
      get("/monitor", { cookie, accept: "text/event-stream" }),
    ]);
    expect(asked.map(({ status }) => status)).toEqual([401, 401, 401, 401, 401, 401]);
    const unknown = await Promise.all([
      post("/_zstash/set/k/v", "", { cookie, origin: url }),
      post("/_zstash/keys", "", { cookie, origin: url }),
      get("/_zstash/__proto__", { cookie }),
      fetch(`${url}/_zstash/key`, { method: "PUT", body: '"=k"', headers: { cookie, origin: url } }),
    ]);
    expect(unknown.map(({ status }) => status)).toEqual([404, 404, 404, 404]);
  });

  test("keys, facts and one key tell sizes and carriers", async () => {
    const redis = new Redis({ url, token: TOKEN });
    const value = { text: "what is stored, again and again. ".repeat(200) };
    await redis.set("page:raw", value, { ex: 100 });
    await redis.pipeline().set("page:text", value).set("page:small", "as it is").exec();
    await redis.hset("page:hash", { one: value, two: "2" });
    const cookie = await openSession();
    const page = (await (await get("/_zstash/keys?cursor=0&match=page:*", { cookie })).json()) as {
      cursor: string;
      keys: string[];
    };
    expect(page.cursor).toBe("0");
    expect(page.keys.toSorted()).toEqual(["page:hash", "page:raw", "page:small", "page:text"]);
    const ask = async (path: string, body: unknown): Promise<unknown> =>
      (await post(`/_zstash/${path}`, JSON.stringify(body), { cookie, origin: url })).json();
    const [raw, text, small, hash, none] = (await ask("facts", [
      "=page:raw",
      "=page:text",
      "=page:small",
      "=page:hash",
      "=page:none",
    ])) as Record<string, unknown>[];
    const size = JSON.stringify(value).length;
    expect(raw).toMatchObject({
      type: "string",
      carrier: "raw",
      kind: "frame",
      size,
      dictionaryId: 0,
      fault: null,
    });
    expect(raw!["ttl"]).toBeGreaterThan(90_000);
    expect(raw!["storedSize"]).toBeLessThan(size / 10);
    expect(text).toMatchObject({ type: "string", carrier: "text", kind: "frame", size, ttl: null });
    expect(small).toMatchObject({ carrier: null, kind: "plain", size: 8, storedSize: 8 });
    expect(hash).toMatchObject({ type: "hash", count: 2, carrier: null });
    expect(none).toMatchObject({ type: "none" });
    const detail = (await ask("key", "=page:text")) as Record<string, unknown>;
    expect(detail).toMatchObject({
      verdict: "whole",
      preview: { kind: "json", cut: false },
      layout: {
        frameCount: 1,
        fault: null,
        frames: [{ role: "frame", checksum: true, contentSize: size, blockCount: 1 }],
      },
    });
    const elements = ((await ask("key", "=page:hash")) as { elements: { name: string }[] }).elements;
    expect(elements.toSorted((a, b) => (a.name < b.name ? -1 : 1))).toMatchObject([
      { name: "one", size, compressed: true },
      { name: "two", size: 1, compressed: false },
    ]);
  });

  test("what is no id, no list and too much is refused in words", async () => {
    const cookie = await openSession();
    const bodies: [string, string][] = [
      ["facts", "{}"],
      ["facts", "not JSON"],
      ["facts", JSON.stringify(Array.from({ length: 101 }, () => "=k"))],
      ["facts", '["k"]'],
      ["key", '":not base64!"'],
      ["key", "7"],
      ["key", `"=${"k".repeat(6 << 20)}"`],
    ];
    for (const [path, body] of bodies) {
      const response = await post(`/_zstash/${path}`, body, { cookie, origin: url });
      expect([path, body.slice(0, 20), response.status]).toEqual([path, body.slice(0, 20), 400]);
      expect(((await response.json()) as { error: string }).error).toMatch(/^ERR /);
    }
  });

  test("requests of clients are listed with their times, those of the page are in no record", async () => {
    const cookie = await openSession();
    const before = (await (await get("/_zstash/requests?after=0&since=0", { cookie })).json()) as {
      next: number;
    };
    records.length = 0;
    await get("/ping", { authorization: `Bearer ${TOKEN}` });
    await get("/get/k?_token=wrong");
    await get("/", HTML);
    const page = (await (await get(`/_zstash/requests?after=${before.next}&since=0`, { cookie })).json()) as {
      next: number;
      missed: number;
      records: RequestRecord[];
      seconds: { count: number; errors: number; p50: number; p95: number }[];
    };
    expect(page).toMatchObject({ next: before.next + 2, missed: 0 });
    expect(page.records).toMatchObject([
      { commands: ["PING"], status: 200 },
      { commands: [], status: 401 },
    ]);
    expect(records.map(({ status }) => status)).toEqual([200, 401]);
    const sum = page.seconds.reduce((total, { count }) => total + count, 0);
    expect(sum).toBe(page.next);
    for (const { p50, p95 } of page.seconds) expect(p95).toBeGreaterThanOrEqual(p50);
  });

  test("clients send their figures with a token; unknown fields and too much are left out", async () => {
    const send = (body: string, token = TOKEN): Promise<Response> =>
      post("/_zstash/metrics", body, { authorization: `Bearer ${token}` });
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`figure${index}`, index]));
    const sent = await Promise.all([
      send(JSON.stringify({ client: "one", compressed: 3, label: "text", nested: { deep: 1 }, none: null })),
      send(JSON.stringify({ client: "two", ...many }), READER),
    ]);
    expect(sent.map(({ status }) => status)).toEqual([200, 200]);
    const refused = await Promise.all([
      send("[1]"),
      send("null"),
      send("{"),
      send(JSON.stringify({ client: "x".repeat(20_000) })),
      send("{}", "wrong"),
      post("/_zstash/metrics", "{}", { cookie: await openSession(), origin: url }),
    ]);
    expect(refused.map(({ status }) => status)).toEqual([400, 400, 400, 400, 401, 401]);
    for (let index = 0; index < 60; index++) await send(JSON.stringify({ client: `more${index}`, n: index }));
    await send(JSON.stringify({ client: "one", compressed: 4 }));
    await send(JSON.stringify({ client: "two", ...many }));
    const cookie = await openSession();
    const list = (await (await get("/_zstash/metrics", { cookie })).json()) as {
      client: string;
      figures: Record<string, number>;
    }[];
    expect(list.length).toBe(50);
    expect(list.find(({ client }) => client === "one")!.figures).toEqual({ compressed: 4 });
    expect(Object.keys(list.find(({ client }) => client === "two")!.figures).length).toBe(64);
  });

  test("works in process, without a socket", async () => {
    const response = await server.fetch(`http://dev.local/?ticket=${server.ticket()}`, { headers: HTML });
    expect(response.status).toBe(303);
    const cookie = cookieOf(response);
    const totals = await server.fetch("http://dev.local/_zstash/totals", { headers: { cookie } });
    expect(await totals.json()).toMatchObject({ latest: { undecodable: 0 }, history: expect.any(Array) });
    expect(await (await server.fetch("http://dev.local/", { headers: HTML })).text()).toContain("zstash dev");
  });
});
