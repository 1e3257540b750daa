/** A server that answers without an end is left after what the command may answer, whatever form its reply has. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { RestClient } from "../../../src/rest/client.ts";
import { replyLimit } from "../../../src/rest/reply-limit.ts";
import { readRestOptions } from "../../../src/rest/rest-options.ts";
import { createStore, type Store } from "../../../src/store/index.ts";

/** Bytes that the operating systems and Node hold on their own. */
const SLACK = 24 << 20;

const heads = {
  bulk: "$900000000\r\n",
  list: "*2000000\r\n$1000\r\n",
  json: '{"result":"',
  array: '[{"result":"',
};
let server: Server;
let head = "";
let sent = 0;

beforeAll(async () => {
  server = createServer((request, response) => {
    request.resume();
    request.on("end", () => {
      response.writeHead(200, { "content-type": "application/octet-stream" });
      response.write(head);
      const part = Buffer.alloc(1 << 18, "a");
      const flow = (): void => {
        for (; !response.destroyed && sent < 1 << 28; sent += part.length) {
          if (!response.write(part)) return void response.once("drain", flow);
        }
      };
      flow();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, resolve));
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const url = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const calls: [string, (store: Store) => Promise<unknown>][] = [
  ["stat", (store) => store.stat("k")],
  ["delete", (store) => store.delete("k")],
  ["put", (store) => store.put("k", "x")],
  ["put, only if absent", (store) => store.put("k", "x", { ifAbsent: true })],
  ["getRange", (store) => store.getRange("k", 0, 10)],
];

describe.each(Object.entries(heads))("a reply that begins as %s", (_name, start) => {
  test.each(calls)("to %s", async (_, call) => {
    head = start;
    sent = 0;
    const store = createStore({ url: url(), token: "t", retry: false });
    await expect(call(store)).rejects.toMatchObject({ code: "SIZE_LIMIT" });
    expect(sent).toBeLessThan(SLACK);
  });

  test("to commands and batches of the client", async () => {
    head = start;
    const client = new RestClient(readRestOptions({ url: url(), token: "t", retry: false }));
    const sends = [
      () => client.command(["DEL", "k"]),
      () => client.command(["GETRANGE", "k", 0, 999]),
      () => client.command(["GET", "k"], { maxReplySize: 1000 }),
      () =>
        client.batch("pipeline", [
          ["PTTL", "k"],
          ["STRLEN", "k"],
        ]),
    ];
    for (const send of sends) {
      sent = 0;
      await expect(send()).rejects.toMatchObject({ code: "SIZE_LIMIT" });
      expect(sent).toBeLessThan(SLACK);
    }
  });
});

test("the limit is what the commands may answer", () => {
  const small = 64 << 10;
  expect(replyLimit([["set", "k", "v"]], undefined)).toBe(2 * small);
  expect(
    replyLimit(
      [
        ["DEL", "a"],
        ["GETRANGE", "k", -100, -1],
      ],
      undefined,
    ),
  ).toBe(3 * small + 100);
  expect(replyLimit([["GETRANGE", "k", 10, 5]], undefined)).toBe(2 * small);
  for (const command of [
    ["GET", "k"],
    ["SET", "k", "v", "get"],
    ["GETRANGE", "k", 0, -1],
    ["EVAL", "", 0],
    ["FOO"],
  ]) {
    expect(replyLimit([["DEL", "a"], command], undefined)).toBe(2 ** 30);
  }
  expect(replyLimit([["EVAL", "", 0]], 5000)).toBe(small + 5000);
});
