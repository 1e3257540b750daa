import { connect } from "node:net";
import type { Socket } from "node:net";
import { ZstashError } from "../errors.ts";
import { writeCommand } from "../rest/command.ts";
import { RespParser } from "../rest/resp.ts";
import type { RespValue } from "../rest/resp.ts";
import type { Backend, BackendKind, CommandBytes } from "./backend.ts";
import { concatenate } from "../bytes.ts";
import { utf8 } from "./bytes.ts";

/** How long a connection and its login may take, in ms. */
const CONNECT_TIMEOUT_MS = 5_000;

/** Where a Redis is and how to log in, read from its URL. */
export interface RedisAddress {
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly password: string;
  readonly database: number;
}

/** Read `redis://[user:password@]host[:port][/database]`. TypeError for anything else. */
export function readRedisUrl(text: string): RedisAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const database = /^\/?([0-9]{0,9})$/.exec(url?.pathname ?? "")?.[1];
  if (url?.protocol !== "redis:" || url.hostname === "" || database === undefined) {
    throw new TypeError(
      '"redis" expected redis://[user:password@]host[:port][/database], got something else',
    );
  }
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: url.port === "" ? 6379 : Number(url.port),
    username: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    database: Number(database),
  };
}

interface Waiter {
  resolve(reply: RespValue): void;
  reject(error: ZstashError): void;
}

/** An open connection and who waits for its replies, in the order of the commands. */
interface Session {
  readonly socket: Socket;
  readonly waiters: Waiter[];
}

/**
 * A Redis over one connection, on which everything is pipelined. What is sent in one call is written in one piece,
 * so MULTI … EXEC is a transaction of its own however many share the connection. A lost connection rejects what
 * waits for a reply, whose effect is unknown; the next call connects again.
 */
class RedisClient {
  readonly #address: RedisAddress;
  readonly #timeout: number;
  #session: Promise<Session> | undefined;
  #closed = false;

  constructor(address: RedisAddress, timeout: number) {
    this.#address = address;
    this.#timeout = timeout;
  }

  /** Send commands together and return their replies, in order. */
  async send(commands: readonly CommandBytes[]): Promise<RespValue[]> {
    return exchange(await this.connect(), this.#address, commands);
  }

  /** The connection, made and logged in if there is none. */
  connect(): Promise<Session> {
    if (this.#closed) return Promise.reject(unreachable(this.#address, "the client is closed"));
    if (this.#session !== undefined) return this.#session;
    const forget = (): void => {
      if (this.#session === session) this.#session = undefined;
    };
    const session = openSession(this.#address, this.#timeout, forget);
    session.catch(forget);
    this.#session = session;
    return session;
  }

  async close(): Promise<void> {
    this.#closed = true;
    const session = await this.#session?.catch(() => undefined);
    if (session === undefined || session.socket.closed) return;
    const closed = new Promise((resolve) => session.socket.once("close", resolve));
    session.socket.destroy();
    await closed;
  }
}

function exchange(
  { socket, waiters }: Session,
  address: RedisAddress,
  commands: readonly CommandBytes[],
): Promise<RespValue[]> {
  if (socket.destroyed) return Promise.reject(unreachable(address, "the connection was lost"));
  const replies = commands.map(
    () => new Promise<RespValue>((resolve, reject) => waiters.push({ resolve, reject })),
  );
  socket.write(concatenate(commands.map(writeCommand)));
  return Promise.all(replies);
}

async function openSession(address: RedisAddress, timeout: number, onClose: () => void): Promise<Session> {
  const socket = await openSocket(address, timeout);
  const session: Session = { socket, waiters: [] };
  const parser = new RespParser();
  socket.on("data", (chunk: Uint8Array) => {
    try {
      for (const reply of parser.push(chunk)) {
        const waiter = session.waiters.shift();
        if (waiter === undefined) throw unreachable(address, "it replied to what was not asked");
        waiter.resolve(reply);
      }
    } catch (error) {
      socket.destroy(error instanceof Error ? error : undefined);
    }
  });
  let cause: Error | undefined;
  socket.on("error", (error) => (cause = error));
  socket.once("close", () => {
    onClose();
    for (const waiter of session.waiters.splice(0))
      waiter.reject(unreachable(address, cause?.message ?? "the connection was lost", cause));
  });
  const { username, password, database } = address;
  const login: CommandBytes[] = [];
  if (password !== "") login.push(["AUTH", ...(username === "" ? [] : [username]), password].map(utf8));
  if (database !== 0) login.push(["SELECT", `${database}`].map(utf8));
  const silent = setTimeout(() => socket.destroy(new Error(`no answer in ${timeout} ms`)), timeout);
  // Also proof that a Redis is there: whatever else listens does not answer PING with PONG.
  login.push([utf8("PING")]);
  try {
    for (const reply of await exchange(session, address, login)) {
      if (reply.kind === "error") throw unreachable(address, reply.text);
    }
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(silent);
  }
  return session;
}

function openSocket(address: RedisAddress, timeout: number): Promise<Socket> {
  const socket = connect({ host: address.host, port: address.port, noDelay: true, timeout });
  return new Promise((resolve, reject) => {
    const fail = (reason: string, cause?: Error): void => {
      socket.destroy();
      reject(unreachable(address, reason, cause));
    };
    const onError = (error: NodeJS.ErrnoException): void => fail(error.code ?? error.name, error);
    const onTimeout = (): void => fail(`no connection in ${timeout} ms`);
    socket.once("error", onError).once("timeout", onTimeout);
    socket.once("connect", () => {
      socket.off("error", onError).off("timeout", onTimeout).setTimeout(0);
      resolve(socket);
    });
  });
}

function unreachable({ host, port }: RedisAddress, reason: string, cause?: Error): ZstashError {
  return new ZstashError("REDIS", `Cannot reach Redis at ${host}:${port}: ${reason}`, { cause });
}

/** Connect to a Redis by URL. Rejects with ZstashError REDIS if it cannot be reached or refuses the login. */
export async function connectRedis(url: string, timeout: number = CONNECT_TIMEOUT_MS): Promise<Backend> {
  const address = readRedisUrl(url);
  const database = address.database === 0 ? "" : `, database ${address.database}`;
  return openRedis(address, "redis-url", `Redis at ${address.host}:${address.port}${database}`, timeout);
}

/** A backend over a Redis that is there. */
export async function openRedis(
  address: RedisAddress,
  kind: BackendKind,
  description: string,
  timeout: number = CONNECT_TIMEOUT_MS,
): Promise<Backend> {
  const client = new RedisClient(address, timeout);
  await client.connect();
  const last = (replies: readonly RespValue[]): RespValue => {
    const reply = replies.at(-1);
    if (reply === undefined) throw unreachable(address, "no reply");
    return reply;
  };
  return {
    kind,
    description,
    execute: async (command) => last(await client.send([command])),
    transaction: async (commands) => {
      const replies = await client.send([[utf8("MULTI")], ...commands, [utf8("EXEC")]]);
      // Without its MULTI nothing was queued, and EXEC's complaint would hide why.
      return replies[0]?.kind === "error" ? replies[0] : last(replies);
    },
    close: () => client.close(),
  };
}
