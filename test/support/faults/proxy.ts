/** A TCP proxy that ends a connection in the middle of a request or of a reply. */
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/** The place at which the next exchange through the proxy ends. */
export interface CutPoint {
  readonly side: "request" | "reply";
  /** Bytes that pass before, HTTP's head included. */
  readonly at: number;
  /** By RST, or by FIN as if that were all. */
  readonly how: "reset" | "end";
}

export interface FaultProxy {
  readonly url: string;
  /** The next exchange is cut, once; also forgets what was counted. */
  arm(cut?: CutPoint): void;
  /** Bytes since `arm`. */
  readonly counts: Readonly<Record<CutPoint["side"], number>>;
  /** True if the cut has been made. */
  readonly cut: boolean;
  close(): Promise<void>;
}

/** Starts a proxy in front of a port of this machine. */
export async function startFaultProxy(port: number): Promise<FaultProxy> {
  const counts = { request: 0, reply: 0 };
  const sockets = new Set<Socket>();
  let armed: CutPoint | undefined;
  let done = false;

  const pass = (side: CutPoint["side"], from: Socket, to: Socket, client: Socket, server: Socket): void => {
    from.on("data", (chunk: Buffer) => {
      const before = counts[side];
      counts[side] += chunk.length;
      if (armed === undefined || armed.side !== side || counts[side] < armed.at) {
        to.write(chunk);
        return;
      }
      const { at, how } = armed;
      armed = undefined;
      done = true;
      to.write(chunk.subarray(0, at - before), () => {
        if (how === "reset") client.resetAndDestroy();
        else client.end();
        // The server never sees the rest of a request, and has no use for the rest of the connection.
        if (side === "request") server.destroy();
        else server.end();
      });
      from.removeAllListeners("data").resume();
    });
    from.on("end", () => to.end());
    from.on("error", () => to.destroy());
    from.on("close", () => to.destroy());
  };

  const listener = createServer((client) => {
    const server = connect(port, "127.0.0.1");
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
    }
    pass("request", client, server, client, server);
    pass("reply", server, client, client, server);
  });
  await new Promise<void>((resolve, reject) => {
    listener.once("error", reject);
    listener.listen(0, "127.0.0.1", resolve);
  });
  return {
    url: `http://127.0.0.1:${(listener.address() as AddressInfo).port}`,
    counts,
    get cut() {
      return done;
    },
    arm(cut) {
      armed = cut;
      done = false;
      counts.request = 0;
      counts.reply = 0;
    },
    close() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => listener.close(() => resolve()));
    },
  };
}
