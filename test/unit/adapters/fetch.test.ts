/** The adapter for `fetch` over real sockets: which bodies are read at once, what that shows of them, and how they are given up. */
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { openFlight } from "../../../src/adapters/http/fetch.ts";
import type { HttpResponse } from "../../../src/adapters/http/flight.ts";
import { onRequests, response, useSocketServers } from "../../support/http/socket-server.ts";
import { rejection } from "../../support/rejection.ts";

const start = useSocketServers();
const post: RequestInit = { method: "POST", body: "body", headers: {} };

/** The response of a server that writes `first`, and `rest` when it is told to. */
async function answered(
  first: string | Uint8Array,
  rest: string | Uint8Array = "",
): Promise<{ reply: HttpResponse; goOn: () => void }> {
  let goOn = (): void => undefined;
  const server = await start((socket) =>
    onRequests(socket, () => {
      socket.write(first);
      goOn = () => void socket.write(rest);
    }),
  );
  const reply = await openFlight(undefined, server.url, post).response;
  return { reply, goOn };
}

const head = (headers: string): string => `HTTP/1.1 200 OK\r\n${headers}\r\n\r\n`;

describe("a short body whose length is known", () => {
  test("is read at once, however it arrives, and has ended then", async () => {
    const { reply, goOn } = await answered(response(200, "0123456789").slice(0, -6), "456789");
    setTimeout(goOn, 20);
    expect([reply.unseen, reply.ended]).toEqual([10, false]);
    expect(Buffer.from((await reply.read())!).toString()).toBe("0123456789");
    expect(reply.ended).toBe(true);
    expect(await reply.read()).toBeUndefined();
  });

  test("that is empty gives no chunk", async () => {
    const { reply } = await answered(response(200, ""));
    expect(await reply.read()).toBeUndefined();
    expect(reply.ended).toBe(true);
  });

  test.each(["before", "while"])("can be given up %s it is read: the connection is closed", async (when) => {
    const server = await start((socket) =>
      onRequests(socket, () => void socket.write(response(200, "half").slice(0, -2))),
    );
    const flight = openFlight(undefined, server.url, post);
    const reply = await flight.response;
    const reading = when === "while" ? rejection(reply.read()) : undefined;
    const reason = new Error("enough");
    flight.abort(reason);
    if (reading !== undefined) expect(await reading).toBe(reason);
    else expect(await reply.read()).toBeUndefined();
    while (server.sockets.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  });

  test("that breaks off rejects", async () => {
    const server = await start((socket) =>
      onRequests(socket, () => void socket.end(response(200, "half").slice(0, -2))),
    );
    const reply = await openFlight(undefined, server.url, post).response;
    expect(await rejection(reply.read())).toBeInstanceOf(TypeError);
  });
});

describe("a body comes in chunks, as it arrives,", () => {
  const long = "x".repeat((64 << 10) + 1);
  const coded = gzipSync("x".repeat(1 << 20));
  test.each<[string, first: string | Uint8Array, rest: string | Uint8Array]>([
    [
      "if it does not say how long it is",
      `${head("transfer-encoding: chunked")}2\r\nab\r\n`,
      "2\r\ncd\r\n0\r\n\r\n",
    ],
    ["if it is longer than 64 KiB", head(`content-length: ${long.length}`) + long.slice(9), long.slice(0, 9)],
    [
      "if it is coded, which makes any size of it",
      Buffer.concat([
        Buffer.from(head(`content-length: ${coded.length}\r\ncontent-encoding: gzip`)),
        coded.subarray(0, -50),
      ]),
      coded.subarray(-50),
    ],
  ])("%s", async (_, first, rest) => {
    const { reply, goOn } = await answered(first, rest);
    expect(reply.unseen).toBeUndefined();
    expect((await reply.read())!.length).toBeGreaterThan(0);
    goOn();
    while ((await reply.read()) !== undefined);
    expect(reply.ended).toBe(true);
  });

  test("if it comes from whoever stands in for fetch, who may heed no signal", async () => {
    let cancelled = 0;
    const body = new ReadableStream<Uint8Array>({ cancel: () => void cancelled++ });
    const own = new Response(body, { headers: { "content-length": "5" } });
    const flight = openFlight(() => Promise.resolve(own), "http://localhost", post);
    const reply = await flight.response;
    expect(reply.unseen).toBeUndefined();
    const reading = reply.read();
    flight.abort(new Error("enough"));
    expect(await reading).toBeUndefined();
    expect(cancelled).toBe(1);
  });
});
