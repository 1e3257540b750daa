/** A server of sockets for tests: what a client sent, the sockets that are open, and an answer of any bytes. */
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { afterEach } from "vitest";

export interface SocketServer {
  readonly url: string;
  readonly port: number;
  /** Open sockets. */
  readonly sockets: ReadonlySet<Socket>;
  /** Connections since the start. */
  readonly connections: number;
  close(): Promise<void>;
}

/** Serves each connection with `serve`; errors of sockets are the client's doing. */
export async function startSocketServer(
  serve: (socket: Socket, number: number) => void,
  { host = "127.0.0.1", create = createServer as (listener: (socket: Socket) => void) => Server } = {},
): Promise<SocketServer> {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = create((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
    serve(socket, connections++);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${port}`,
    port,
    sockets,
    get connections() {
      return connections;
    },
    close() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** Calls `answer` with each whole request of a connection: its head and its body. */
export function onRequests(socket: Socket, answer: (head: string, body: Buffer) => void): void {
  let held: Buffer = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    held = Buffer.concat([held, chunk]);
    for (;;) {
      const end = held.indexOf("\r\n\r\n");
      if (end === -1) return;
      const head = held.toString("latin1", 0, end);
      const size = Number(/content-length: *(\d+)/i.exec(head)?.[1] ?? 0);
      if (held.length < end + 4 + size) return;
      const body = held.subarray(end + 4, end + 4 + size);
      held = held.subarray(end + 4 + size);
      answer(head, body);
    }
  });
}

/** A response with a body of text. */
export const response = (status: number | string, body: string, headers = ""): string =>
  `HTTP/1.1 ${status}\r\n${headers}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

/** Starts such servers for a file of tests, and closes each after its test. */
export function useSocketServers(): typeof startSocketServer {
  const servers: SocketServer[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.close();
  });
  return async (...args) => {
    const server = await startSocketServer(...args);
    servers.push(server);
    return server;
  };
}
