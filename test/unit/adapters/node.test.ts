/** The adapter for Node over real sockets: connections that rest, break, stream and are given up, and processes that end. */
import { execFile } from "node:child_process";
import { Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { Worker } from "node:worker_threads";
import { afterAll, describe, expect, test, vi } from "vitest";
import { build } from "esbuild";
import { openFlight } from "../../../src/adapters/http/node.ts";
import type { Flight } from "../../../src/adapters/http/flight.ts";
import { makeCertificate, hasOpenssl } from "../../support/http/certificate.ts";
import { onRequests, response, useSocketServers } from "../../support/http/socket-server.ts";
import { rejection } from "../../support/rejection.ts";
import { requireOrSkip } from "../../support/require-or-skip.ts";
import { root } from "../../support/repository.ts";

const start = useSocketServers();
const post = (body: string | Uint8Array = "body"): RequestInit => ({
  method: "POST",
  body: body as BodyInit,
  headers: { "x-one": "1" },
});
async function textOf(flight: Flight): Promise<string> {
  const { read } = await flight.response.then((one) => ({ read: () => one.read() }));
  let text = "";
  for (let chunk = await read(); chunk !== undefined; chunk = await read())
    text += Buffer.from(chunk).toString();
  return text;
}
const until = async (probe: () => boolean): Promise<void> => {
  while (!probe()) await new Promise((resolve) => setTimeout(resolve, 2));
};

test("requests share a connection, and what was sent arrives", async () => {
  const heads: string[] = [];
  const server = await start((socket) =>
    onRequests(socket, (head, body) => {
      heads.push(head);
      socket.write(response(200, `got ${body.toString()}`, "x-two: 2\r\n"));
    }),
  );
  for (const body of ["text \u00e9", new TextEncoder().encode("bytes")]) {
    const flight = openFlight(undefined, `${server.url}/set/a%2Fb?EX=1`, post(body));
    const head = await flight.response;
    expect([head.status, head.headers.get("x-two"), head.headers.get("x-none")]).toEqual([200, "2", null]);
    expect(await textOf(flight)).toBe(`got ${Buffer.from(body as string).toString()}`);
  }
  expect(server.connections).toBe(1);
  expect(heads[0]).toMatch(/^POST \/set\/a%2Fb\?EX=1 HTTP\/1\.1\r\n/);
  expect(heads[0]).toMatch(/\r\nx-one: 1\r\n/i);
  expect(heads[0]).toMatch(/\r\naccept-encoding: identity\r\n/i);
});

test("a large body goes up in parts and arrives whole", async () => {
  const sent = new Uint8Array(3_000_001).map((_, index) => index * 7);
  let got: Buffer | undefined;
  const server = await start((socket) =>
    onRequests(socket, (_, body) => {
      got = body;
      socket.write(response(200, "ok"));
    }),
  );
  const flight = openFlight(undefined, server.url, post(sent));
  expect(await textOf(flight)).toBe("ok");
  expect(got!.equals(sent)).toBe(true);
  expect(flight.lastSign()).toBeGreaterThan(0);
});

// Else the end of a body waits for an acknowledgement that comes 40 ms later: Node's agents set it on sockets without TLS alone.
describe("sockets wait for no acknowledgement before they send", () => {
  const setNoDelay = vi.spyOn(Socket.prototype, "setNoDelay");
  const answer = (socket: Socket): void =>
    onRequests(socket, () => {
      socket.write(response(200, "ok"));
    });
  /** Whether one request over each way set it on a socket of its own, and what it answered. */
  const asked = async (url: string): Promise<boolean> => {
    setNoDelay.mockClear();
    expect(await textOf(openFlight(undefined, url, post()))).toBe("ok");
    return setNoDelay.mock.contexts.some((socket, call) => {
      const { remotePort } = socket as Socket;
      return remotePort === Number(new URL(url).port) && setNoDelay.mock.calls[call]?.[0] === true;
    });
  };
  afterAll(() => setNoDelay.mockRestore());

  test("in plain HTTP", async () => {
    expect(await asked((await start(answer)).url)).toBe(true);
  });

  test.runIf(requireOrSkip("openssl", hasOpenssl(), "apt-get install openssl"))("in TLS", async () => {
    const certificate = makeCertificate();
    vi.stubEnv("NODE_TLS_REJECT_UNAUTHORIZED", "0");
    try {
      const server = await start(answer, {
        create: (listener) => createTlsServer(certificate, listener) as never,
      });
      expect(await asked(`https://127.0.0.1:${server.port}`)).toBe(true);
    } finally {
      vi.unstubAllEnvs();
      certificate.remove();
    }
  });
});

test("IPv6", async () => {
  const server = await start((socket) => onRequests(socket, () => socket.write(response(200, "six"))), {
    host: "::1",
  }).catch(() => undefined);
  if (!requireOrSkip("an IPv6 loopback", server !== undefined, "sysctl net.ipv6.conf.lo.disable_ipv6=0"))
    return;
  expect(await textOf(openFlight(undefined, server!.url, post()))).toBe("six");
});

describe("a connection that rested", () => {
  test.each([
    ["closes by itself and says so", "keep-alive: timeout=2\r\n", 1300],
    ["says nothing", "", 4300],
  ])("where the server %s is not used after a freeze of the process", async (_, headers, freeze) => {
    // A server of a thread of its own, which closes while this thread stands still.
    const worker = new Worker(
      `const { parentPort } = require("node:worker_threads");
       const server = require("node:net").createServer((socket) => {
         socket.on("error", () => {});
         socket.on("data", () => {
           socket.write("HTTP/1.1 200 OK\\r\\n${headers.replace("\r\n", "\\r\\n")}content-length: 2\\r\\n\\r\\nok");
           setTimeout(() => socket.destroy(), ${freeze - 200});
         });
       });
       server.listen(0, "127.0.0.1", () => parentPort.postMessage(server.address().port));`,
      { eval: true },
    );
    try {
      const port = await new Promise<number>((resolve) => worker.once("message", resolve));
      const url = `http://127.0.0.1:${port}`;
      const all = (): Promise<string[]> =>
        Promise.all([1, 2, 3].map(() => textOf(openFlight(undefined, url, post()))));
      await all();
      await new Promise((resolve) => setImmediate(resolve));
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, freeze);
      // Without a turn of the event loop in between: nothing has told that the sockets are closed.
      expect(await all()).toEqual(["ok", "ok", "ok"]);
    } finally {
      await worker.terminate();
    }
  });

  test("is used again before", async () => {
    const server = await start((socket) => onRequests(socket, () => socket.write(response(200, "ok"))));
    for (let round = 0; round < 5; round++) {
      await textOf(openFlight(undefined, server.url, post()));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(server.connections).toBe(1);
  });

  test("of a server that keeps none is never used", async () => {
    const server = await start((socket) =>
      onRequests(socket, () => socket.write(response(200, "ok", "keep-alive: timeout=1\r\n"))),
    );
    for (let round = 0; round < 3; round++) {
      await textOf(openFlight(undefined, server.url, post()));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(server.connections).toBe(3);
  });
});

test("a reader that rests stops the sender", async () => {
  let sent = 0;
  const size = 48 << 20;
  const server = await start((socket) =>
    onRequests(socket, () => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${size}\r\n\r\n`);
      const part = Buffer.alloc(64 << 10);
      const more = (): void => {
        if (sent >= size) return;
        sent += part.length;
        socket.write(part, more);
      };
      more();
    }),
  );
  const reply = await openFlight(undefined, server.url, post()).response;
  await reply.read();
  let [last, still] = [-1, 0];
  while (still < 20) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    [last, still] = [sent, sent === last ? still + 1 : 0];
  }
  // What kernels hold of it on loopback, and a little.
  expect(last).toBeLessThan(24 << 20);
  let received = 0;
  for (let chunk = await reply.read(); chunk !== undefined; chunk = await reply.read()) {
    received += chunk.length;
    expect(chunk.constructor).toBe(Uint8Array);
    expect(chunk.byteLength).toBe(chunk.buffer.byteLength);
  }
  expect(received).toBeGreaterThan(size - (256 << 10));
});

test("a body in gzip is decoded no faster than it is read", async () => {
  const body = gzipSync(Buffer.alloc(160 << 20));
  const server = await start((socket) =>
    onRequests(socket, () => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: ${body.length}\r\n\r\n`);
      socket.write(body);
    }),
  );
  const flight = openFlight(undefined, server.url, post());
  const reply = await flight.response;
  const before = process.memoryUsage().arrayBuffers;
  expect((await reply.read())!.length).toBeLessThan(1 << 20);
  // Without the pause all of it would have come by then.
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32 << 20);
  let size = 0;
  for (let chunk = await reply.read(); chunk !== undefined; chunk = await reply.read()) size += chunk.length;
  expect(size).toBeGreaterThan(159 << 20);
});

describe("given up", () => {
  const reason = new Error("enough");

  test.each<[string, (socket: Socket) => void]>([
    ["before it is connected", () => undefined],
    ["before an answer", () => undefined],
    ["while it goes up", (socket) => socket.pause()],
    ["within the head", (socket) => void socket.write("HTTP/1.1 200 OK\r\nconte")],
    ["within the body", (socket) => void socket.write("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc")],
  ])("%s: it rejects, and no socket is left", async (when, serve) => {
    const server = await start(serve);
    const flight = openFlight(
      undefined,
      server.url,
      post(new Uint8Array(when.includes("up") ? 64 << 20 : 10)),
    );
    if (when.includes("connected")) flight.abort(reason);
    const work = textOf(flight);
    const failed = rejection(work);
    if (!when.includes("connected")) {
      await until(() => server.connections === 1);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    flight.abort(reason);
    flight.abort(reason);
    expect(await failed).toBeInstanceOf(Error);
    // Who does not read is not told that the other side has gone.
    for (const socket of server.sockets) socket.resume();
    await until(() => server.sockets.size === 0);
  });

  test("after its end: the connection goes on", async () => {
    const server = await start((socket) => onRequests(socket, () => socket.write(response(200, "ok"))));
    const flight = openFlight(undefined, server.url, post());
    await textOf(flight);
    await new Promise((resolve) => setTimeout(resolve, 5));
    flight.abort(reason);
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await textOf(openFlight(undefined, server.url, post()))).toBe("ok");
  });
});

describe("an answer that ends early is an error", () => {
  test.each([
    ["no answer", ""],
    ["within the head", "HTTP/1.1 200 OK\r\nconte"],
    ["before the body", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"],
    ["within the body", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabc"],
    ["within chunks", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabc"],
    ["between chunks", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n"],
    ["no HTTP", "SSH-2.0-OpenSSH_9.2\r\n"],
    ["an upgrade", "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"],
  ])("%s", async (_, bytes) => {
    const server = await start((socket) => socket.once("data", () => socket.end(bytes)));
    const flight = openFlight(undefined, server.url, post());
    expect(await rejection(textOf(flight))).toBeInstanceOf(Error);
    expect(flight.unsent).toBe(false);
    await until(() => server.sockets.size === 0);
  });
});

test("a server that answers before it has read all: its answer counts, and the connection ends", async () => {
  const server = await start((socket) =>
    socket.once("data", () => {
      socket.pause();
      socket.write(response(413, "too large"));
    }),
  );
  const flight = openFlight(undefined, server.url, post(new Uint8Array(64 << 20)));
  expect((await flight.response).status).toBe(413);
  expect(await textOf(flight)).toBe("too large");
  for (const socket of server.sockets) socket.resume();
  await until(() => server.sockets.size === 0);
});

describe("unsent", () => {
  test("is what was refused, not found, or distrusted", async () => {
    const server = await start(() => undefined);
    await server.close();
    for (const url of [server.url, "http://nothing.invalid:81"]) {
      const flight = openFlight(undefined, url, post());
      await rejection(flight.response);
      expect(flight.unsent).toBe(true);
    }
  });

  test.runIf(requireOrSkip("openssl", hasOpenssl(), "apt-get install openssl"))(
    "a certificate that is not trusted, and a server without TLS",
    async () => {
      const certificate = makeCertificate();
      let seen = 0;
      const count = (socket: Socket): void => void socket.on("data", () => (seen += 1));
      const secure = await start(count, {
        create: (listener) => createTlsServer(certificate, listener) as never,
      });
      const plain = await start((socket) =>
        socket.once("data", () => socket.end("HTTP/1.1 400 Bad\r\n\r\n")),
      );
      for (const { port } of [secure, plain]) {
        const flight = openFlight(undefined, `https://127.0.0.1:${port}`, post());
        await rejection(flight.response);
        expect(flight.unsent).toBe(true);
      }
      expect(seen).toBe(0);
      certificate.remove();
    },
  );
});

test("idle sockets keep no process alive, and no listener stays on them", async () => {
  const server = await start((socket) => onRequests(socket, () => socket.write(response(200, "ok"))));
  const { outputFiles } = await build({
    stdin: {
      contents: `import { openFlight } from "./src/adapters/http/node.ts";
        const flights = [1, 2, 3].map(() => openFlight(undefined, process.argv[2], { method: "POST", body: "b" }));
        for (const flight of flights) { const reply = await flight.response; while (await reply.read()); }
        console.log("done");`,
      resolveDir: root,
      loader: "ts",
    },
    bundle: true,
    write: false,
    format: "esm",
    platform: "node",
    tsconfigRaw: {},
  });
  const args = [
    "--input-type=module",
    "--eval",
    outputFiles[0]!.text.replaceAll("process.argv[2]", "process.argv[1]"),
  ];
  const { stdout } = await promisify(execFile)(process.execPath, [...args, server.url], { timeout: 20_000 });
  expect(stdout).toBe("done\n");

  const warnings: Error[] = [];
  const note = (warning: Error): void => void warnings.push(warning);
  process.on("warning", note);
  for (let round = 0; round < 30; round++) await textOf(openFlight(undefined, server.url, post()));
  expect(warnings).toEqual([]);
  process.off("warning", note);
});
