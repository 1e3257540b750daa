/** A hostile web page in a real Chromium, against `zstash dev` as README starts it: it reads nothing and writes nothing. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import type { Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { useProgram } from "../../support/cli-program.ts";
import { read, root } from "../../support/repository.ts";
import { requireOrSkip } from "../../support/require-or-skip.ts";

/** What is used here of playwright, which only test/runtimes has installed. */
interface Page {
  goto(url: string): Promise<unknown>;
  evaluate<T, A>(work: (argument: A) => T | Promise<T>, argument: A): Promise<T>;
  close(): Promise<void>;
}
interface Browser {
  newPage(): Promise<Page>;
  close(): Promise<void>;
}
interface Playwright {
  readonly chromium: { launch(options: object): Promise<Browser> };
}

const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find(existsSync);
const modules = `${root}test/runtimes/node_modules/`;
const has =
  requireOrSkip("Chromium", CHROMIUM !== undefined, "apt-get install chromium") &&
  requireOrSkip("playwright", existsSync(`${modules}playwright`), "npm ci --prefix test/runtimes");

/** README's command line. Its token is random; the page knows it all the same, as it would one that is shared. */
const line = /^npx zstash (dev\b.*)$/m.exec(read("README.md"))![1]!.replace(/ +#.*$/, "");
let TOKEN: string;
const SECRET = "a-secret-value";

const program = useProgram();
let child: ChildProcess;
let port: number;
let evil: Server;
let evilPort: number;
let browser: Browser;

async function start(): Promise<void> {
  const args = [...line.split(" "), "--port", "0", "--json"];
  child = spawn(process.execPath, [program(), ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const text = await new Promise<string>((resolve) =>
    child.stdout?.once("data", (data) => resolve(String(data))),
  );
  ({ port, token: TOKEN } = JSON.parse(text) as { port: number; token: string });
}

/** A command of the owner. */
async function owner(...command: string[]): Promise<unknown> {
  const init = {
    method: "POST",
    headers: { authorization: `Bearer ${TOKEN}` },
    body: JSON.stringify(command),
  };
  return ((await (await fetch(`http://127.0.0.1:${port}/`, init)).json()) as { result: unknown }).result;
}

const database = async (): Promise<unknown> =>
  Promise.all(
    ((await owner("KEYS", "*")) as string[]).toSorted().map(async (key) => [key, await owner("GET", key)]),
  );

beforeAll(async () => {
  if (!has) return;
  await start();
  evil = createServer((request, response) => {
    response.setHeader("content-type", "text/html");
    if (request.url === "/moves")
      response.writeHead(307, { location: `http://127.0.0.1:${port}/set/moved/x?_token=${TOKEN}` });
    response.end("<!doctype html><title>evil</title><body></body>");
  });
  await new Promise<void>((resolve) => evil.listen(0, "127.0.0.1", resolve));
  evilPort = (evil.address() as AddressInfo).port;
  const { chromium } = createRequire(`${modules}playwright/package.json`)("playwright") as Playwright;
  browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-background-networking",
      // DNS rebinding: names of the attacker that lead to this machine.
      "--host-resolver-rules=MAP evil.test 127.0.0.1, MAP rebound.test 127.0.0.1",
      // A browser without its own guard of private addresses, as most are.
      "--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests,PrivateNetworkAccessSendPreflights",
    ],
  });
});
afterAll(async () => {
  await browser?.close();
  child?.kill("SIGTERM");
  evil?.closeAllConnections();
  await new Promise((resolve) => (evil === undefined ? resolve(0) : evil.close(resolve)));
});

/** What a page tries, in the page. Everything that it could read is in the result. */
async function attack({
  base,
  token,
  socket,
}: {
  base: string;
  token: string;
  socket: string;
}): Promise<string[]> {
  const seen: string[] = [];
  const note = (what: string, text: unknown): void => void seen.push(`${what}: ${String(text)}`);
  const command = JSON.stringify(["SET", "json", "x"]);
  const withHeader = { authorization: `Bearer ${token}` };
  const tries: readonly (readonly [string, string, RequestInit])[] = [
    ["cors get", `/get/secret?_token=${token}`, {}],
    ["cors get with header", "/get/secret", { headers: withHeader }],
    ["cors post", "/", { method: "POST", headers: withHeader, body: command }],
    [
      "cors post simple",
      `/?_token=${token}`,
      { method: "POST", body: command, headers: { "content-type": "text/plain" } },
    ],
    ["cors put", `/set/put?_token=${token}`, { method: "PUT", body: "x" }],
    ["no-cors get", `/set/nocors/x?_token=${token}`, { mode: "no-cors" }],
    ["no-cors post", `/pipeline?_token=${token}`, { mode: "no-cors", method: "POST", body: `[${command}]` }],
    ["no referrer", `/set/noreferrer/x?_token=${token}`, { mode: "no-cors", referrerPolicy: "no-referrer" }],
    [
      "preflight only",
      "/flushall",
      { method: "POST", headers: { ...withHeader, "upstash-encoding": "base64" } },
    ],
    ["events", `/subscribe/c?_token=${token}`, { headers: { accept: "text/event-stream" } }],
  ];
  for (const [what, path, init] of tries) {
    try {
      const answer = await fetch(base + path, { ...init, signal: AbortSignal.timeout(1_000) });
      if (answer.type === "opaque") continue;
      note(what, answer.status);
      note(what, (await answer.text()).slice(0, 200));
    } catch {
      // Refused by the browser, or a stream that goes on.
    }
  }
  await fetch("/moves", { mode: "no-cors" }).catch(() => undefined);
  navigator.sendBeacon(`${base}/set/beacon/x?_token=${token}`, "x");
  navigator.sendBeacon(`${base}/?_token=${token}`, new Blob([command], { type: "text/plain" }));
  const settled = (element: HTMLElement): Promise<void> =>
    new Promise((resolve) => {
      element.addEventListener("load", () => resolve());
      element.addEventListener("error", () => resolve());
      setTimeout(resolve, 3000);
      document.body.append(element);
    });
  const embed = (tag: string, attribute: string, path: string): Promise<void> => {
    const element = document.createElement(tag);
    element.setAttribute(attribute, `${base}${path}?_token=${token}`);
    if (tag === "link") element.setAttribute("rel", "stylesheet");
    return settled(element);
  };
  await embed("img", "src", "/set/image/x");
  await embed("img", "src", "/flushall");
  await embed("script", "src", "/set/script/x");
  await embed("link", "href", "/set/link/x");
  await embed("video", "src", "/set/video/x");
  await embed("iframe", "src", "/set/frame/x");
  await embed("object", "data", "/set/object/x");
  const submit = async (
    method: string,
    path: string,
    enctype: string,
    fields: Record<string, string>,
  ): Promise<void> => {
    const frame = document.createElement("iframe");
    frame.name = `frame${Math.random()}`;
    document.body.append(frame);
    const form = document.createElement("form");
    Object.assign(form, { method, action: base + path, enctype, target: frame.name });
    for (const [name, value] of Object.entries(fields)) {
      const input = document.createElement("input");
      Object.assign(input, { name, value, type: "hidden" });
      form.append(input);
    }
    document.body.append(form);
    form.submit();
    await new Promise((resolve) => {
      frame.addEventListener("load", resolve);
      setTimeout(resolve, 2000);
    });
  };
  // The body of the first is one JSON array: ["SET","form","=x"].
  await submit("post", `/?_token=${token}`, "text/plain", { '["SET","form","': 'x"]' });
  await submit("post", `/set/form?_token=${token}`, "application/x-www-form-urlencoded", { a: "b" });
  await submit("post", `/set/form?_token=${token}`, "multipart/form-data", { a: "b" });
  await submit("get", "/set/form/x", "", { _token: token });
  await new Promise((resolve) => {
    const opened = new WebSocket(`${socket}/set/socket/x?_token=${token}`);
    opened.addEventListener("open", () => note("websocket", "open"));
    opened.addEventListener("error", resolve);
    setTimeout(resolve, 3000);
  });
  await new Promise((resolve) => {
    const source = new EventSource(`${base}/subscribe/c?_token=${token}`);
    source.addEventListener("open", () => note("eventsource", "open"));
    source.addEventListener("message", ({ data }) => note("eventsource", data));
    source.addEventListener("error", resolve);
    setTimeout(resolve, 3000);
  }).then(() => new Promise((resolve) => setTimeout(resolve, 100)));
  return seen;
}

describe.skipIf(!has)("a hostile page", () => {
  const pages: readonly (readonly [string, () => string, () => string])[] = [
    ["of another site, at 127.0.0.1", () => `http://evil.test:${evilPort}/`, () => `127.0.0.1:${port}`],
    ["of another site, at localhost", () => `http://evil.test:${evilPort}/`, () => `localhost:${port}`],
    [
      "of another site, by a name that leads here",
      () => `http://evil.test:${evilPort}/`,
      () => `rebound.test:${port}`,
    ],
    // Of one origin with the server, to the browser: its own name leads here, and its port is the server's.
    [
      "that the server itself would serve under a foreign name",
      () => `http://rebound.test:${port}/`,
      () => `rebound.test:${port}`,
    ],
  ];

  test.each(pages)("%s", async (_, from, to) => {
    await owner("FLUSHALL");
    await owner("SET", "secret", SECRET);
    const page = await browser.newPage();
    try {
      // What a top-level visit itself could do comes first.
      await page.goto(from());
      const seen = await page.evaluate(attack, {
        base: `http://${to()}`,
        token: TOKEN,
        socket: `ws://${to()}`,
      });
      expect(
        seen.filter((text) => text.includes(SECRET) || text.includes("200") || text.includes("open")),
      ).toEqual([]);
      for (const path of ["/set/visit/x", "/get/secret"]) {
        await page.evaluate((url) => void window.open(url), `http://${to()}${path}?_token=${TOKEN}`);
        await page.evaluate((url) => void (location.href = url), `http://${to()}${path}?_token=${TOKEN}`);
        await new Promise((resolve) => setTimeout(resolve, 300));
        await page.goto(from());
      }
    } finally {
      await page.close();
    }
    expect(await database()).toEqual([["secret", SECRET]]);
  });

  test("and a page on this machine, which may", async () => {
    await owner("FLUSHALL");
    const page = await browser.newPage();
    try {
      await page.goto(`http://localhost:${evilPort}/`);
      const answer = await page.evaluate(
        async ({ url, token }) => {
          const headers = { authorization: `Bearer ${token}`, "upstash-encoding": "base64" };
          const response = await fetch(url, { method: "POST", headers, body: '["SET","mine","1"]' });
          return response.text();
        },
        { url: `http://127.0.0.1:${port}/`, token: TOKEN },
      );
      expect(answer).toBe('{"result":"OK"}');
    } finally {
      await page.close();
    }
    expect(await database()).toEqual([["mine", "1"]]);
  });
});
