/** A TCP proxy in front of a server that can be moved: it resets, cuts, delays and keeps back, at random places. */
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import type { Random } from "../random.ts";

/** Shares of the connections' exchanges that meet each fault. */
export interface ProxyWeather {
  /** Bytes that pass between two faults of a connection, on average; at least one fault's worth is drawn anew each time. */
  readonly every: number;
  /** True if whole requests are delivered after their connection was reset. */
  readonly late: boolean;
}

const kinds = ["reset", "end", "delay", "stall"] as const;
export type FaultKind = (typeof kinds)[number] | "late" | "refused";

export interface StoreProxy {
  readonly url: string;
  /** What has happened. */
  readonly counts: Readonly<Record<FaultKind, number>>;
  /** Without weather everything passes as it is. */
  weather: ProxyWeather | undefined;
  /** The server's port; undefined: connections are refused. Connections that exist are reset. */
  move(port: number | undefined): void;
  /** Resolves when no request that was kept back is left. */
  quiet(): Promise<void>;
  close(): Promise<void>;
}

const DELAY_MS = 12;
const STALL_MS = 60;
/** A request whose bytes stop coming for so long is whole. */
const WHOLE_MS = 8;
const LATE_MS = 150;

export async function startStoreProxy(random: Random, target: number): Promise<StoreProxy> {
  const counts: Record<FaultKind, number> = { reset: 0, end: 0, delay: 0, stall: 0, late: 0, refused: 0 };
  const sockets = new Set<Socket>();
  let port: number | undefined = target;
  let held = 0;

  function keep(socket: Socket): Socket {
    socket.setNoDelay(true);
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => undefined);
    return socket;
  }

  /** Delivers what the client has sent some time after the client was told that it failed. */
  function deliverLate(client: Socket, server: Socket, first: Buffer): void {
    counts.late += 1;
    held += 1;
    const parts = [first];
    const finish = (): void => {
      client.removeAllListeners("data");
      client.resetAndDestroy();
      setTimeout(
        () => {
          server.removeAllListeners("data");
          server.on("data", () => undefined);
          server.write(Buffer.concat(parts), () => setTimeout(() => server.destroy(), STALL_MS));
          setTimeout(() => (held -= 1), STALL_MS);
        },
        1 + random.below(LATE_MS),
      );
    };
    let timer = setTimeout(finish, WHOLE_MS);
    client.removeAllListeners("data").removeAllListeners("close");
    client.on("close", () => sockets.delete(client));
    client.on("data", (chunk: Buffer) => {
      parts.push(chunk);
      clearTimeout(timer);
      timer = setTimeout(finish, WHOLE_MS);
    });
  }

  const listener = createServer((client) => {
    keep(client);
    if (port === undefined) {
      counts.refused += 1;
      client.resetAndDestroy();
      return;
    }
    const server = keep(connect(port, "127.0.0.1"));
    const left = { request: draw(), reply: draw() };
    const destroy = (): void => {
      client.resetAndDestroy();
      server.destroy();
    };
    function draw(): number {
      const every = proxy.weather?.every;
      return every === undefined ? Infinity : random.below(2 * every);
    }
    function pass(side: "request" | "reply", from: Socket, to: Socket): void {
      const onData = (chunk: Buffer): void => {
        if (proxy.weather === undefined || chunk.length < left[side]) {
          left[side] -= chunk.length;
          if (!to.write(chunk)) {
            from.pause();
            to.once("drain", () => from.resume());
          }
          return;
        }
        const at = left[side];
        left[side] = draw();
        if (side === "request" && proxy.weather.late && random.below(2) === 0) {
          deliverLate(client, server, chunk);
          return;
        }
        const kind = random.pick(kinds);
        counts[kind] += 1;
        if (kind === "delay" || kind === "stall") {
          from.pause();
          to.write(chunk.subarray(0, at));
          const ms = 1 + random.below(kind === "delay" ? DELAY_MS : STALL_MS);
          setTimeout(() => {
            to.write(chunk.subarray(at));
            from.resume();
          }, ms);
          return;
        }
        from.off("data", onData);
        to.write(chunk.subarray(0, at), () => {
          if (kind === "reset") return destroy();
          client.end();
          server.destroy();
        });
      };
      from.on("data", onData);
      from.on("end", () => to.end());
      from.on("close", () => to.destroy());
    }
    pass("request", client, server);
    pass("reply", server, client);
  });
  await new Promise<void>((resolve, reject) => {
    listener.once("error", reject);
    listener.listen(0, "127.0.0.1", resolve);
  });
  const reset = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  const proxy: StoreProxy = {
    url: `http://127.0.0.1:${(listener.address() as AddressInfo).port}`,
    counts,
    weather: undefined,
    move(to) {
      port = to;
      reset();
    },
    async quiet() {
      while (held > 0) await new Promise((resolve) => setTimeout(resolve, 10));
    },
    async close() {
      reset();
      await new Promise<void>((resolve) => listener.close(() => resolve()));
    },
  };
  return proxy;
}
