/** A program that keeps its event loop busy for longer than the time-out: what has been answered meanwhile is no silence. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createStore } from "../../../src/store/index.ts";

const TIMEOUT = 500;

/** A server on a thread of its own, which answers while this one is busy. A key that is "silent" is not answered. */
const serve = `
const { parentPort } = require("node:worker_threads");
const server = require("node:http").createServer((request, response) => {
  let body = "";
  request.on("data", (bytes) => (body += bytes));
  request.on("end", () => {
    if (body.includes("silent")) return;
    setTimeout(() => response.end(JSON.stringify({ result: 1 })), 20);
  });
});
server.listen(0, "127.0.0.1", () => parentPort.postMessage(server.address().port));
`;
let thread: Worker;
let url: string;
beforeAll(async () => {
  thread = new Worker(serve, { eval: true });
  const [port] = (await once(thread, "message")) as [number];
  url = `http://127.0.0.1:${port}`;
});
afterAll(() => thread.terminate());

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const work = (ms: number): void => {
  for (const end = performance.now() + ms; performance.now() < end;);
};

const ways = [
  ["node:http", undefined],
  ["fetch", (input: string, init: RequestInit) => fetch(input, init)],
] as const;

describe.each(ways)("the first requests, over %s", (_, given) => {
  test.each([1, 2, 5, 20])("%i at once", async (count) => {
    for (let round = 0; round < 3; round++) {
      const store = createStore({
        url,
        token: "busy",
        timeout: 300,
        retry: false,
        ...(given && { fetch: given }),
      });
      const all = Array.from({ length: count }, (_, index) => store.delete(`key ${index}`));
      if (round > 0) await pause(round);
      // The connections are begun, and several turns of the loop are needed after this.
      work(600);
      expect(await Promise.all(all)).toEqual(all.map(() => true));
    }
  });
});

test.each(ways)("over %s", async (_, given) => {
  const store = createStore({
    url,
    token: "busy",
    timeout: TIMEOUT,
    retry: false,
    ...(given && { fetch: given }),
  });
  // The first request loads what the others have.
  await store.delete("first");
  for (let round = 0; round < 3; round++) {
    const reading = store.delete("key");
    // The request goes out, and its answer comes while nobody looks.
    await pause(5);
    work(TIMEOUT * 2);
    expect(await reading).toBe(true);
  }
  await expect(store.delete("silent")).rejects.toMatchObject({ code: "TIMEOUT" });
});
