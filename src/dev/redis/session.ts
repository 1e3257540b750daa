/** One connection to a Redis: opening it, logging in, and commands and replies on it. */
import { connect } from "node:net";
import type { Socket } from "node:net";
import { ZstashError } from "../../errors.ts";
import { writeCommand } from "../../rest/resp-writer.ts";
import { RespParser } from "../../rest/resp.ts";
import type { RespLimits, RespValue } from "../../rest/resp.ts";
import type { CommandBytes } from "../backend.ts";
import { utf8 } from "../text.ts";

/** The address of a Redis and the login, as its URL gives them. */
export interface RedisAddress {
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly password: string;
  readonly database: number;
}

interface Waiter {
  resolve(reply: RespValue): void;
  reject(error: ZstashError): void;
}

/** Options of openSession. */
export interface SessionOptions {
  /** The time that the connection and its login may take, in ms. */
  readonly timeout: number;
  readonly limits?: RespLimits | undefined;
  /** Called once, when the connection has closed. */
  onClose(): void;
}

/** Redis' reply to a login while it runs a long script: `BUSY …`. */
export class BusyReply extends Error {
  override readonly name = "BusyReply";
}

/** An open connection. */
export interface Session {
  readonly socket: Socket;
  /** The calls that wait for replies, in the order of their commands. */
  readonly waiters: Waiter[];
  /**
   * Called with a reply that no command waits for. If it is undefined, such a reply is a fault and ends the
   * connection.
   */
  onPush: ((reply: RespValue) => void) | undefined;
}

/** Sends commands without others in between, and returns their replies in order. */
export function exchange(
  { socket, waiters }: Session,
  address: RedisAddress,
  commands: readonly CommandBytes[],
): Promise<RespValue[]> {
  if (socket.destroyed) return Promise.reject(unreachable(address, "the connection was lost"));
  const replies = commands.map(
    () => new Promise<RespValue>((resolve, reject) => waiters.push({ resolve, reject })),
  );
  socket.cork();
  for (const command of commands) socket.write(writeCommand(command));
  socket.uncork();
  return Promise.all(replies);
}

/** Connects and logs in. Rejects with ZstashError REDIS, or with BusyReply. */
export async function openSession(address: RedisAddress, options: SessionOptions): Promise<Session> {
  const socket = await openSocket(address, options.timeout);
  const session: Session = { socket, waiters: [], onPush: undefined };
  const parser = new RespParser(options.limits);
  socket.on("data", (chunk: Uint8Array) => {
    try {
      for (const reply of parser.push(chunk)) {
        const waiter = session.waiters.shift();
        if (waiter !== undefined) waiter.resolve(reply);
        else if (session.onPush !== undefined) session.onPush(reply);
        else throw unreachable(address, "it replied to what was not asked");
      }
    } catch (error) {
      socket.destroy(error instanceof Error ? error : undefined);
    }
  });
  let cause: Error | undefined;
  socket.on("error", (error) => (cause = error));
  socket.once("close", () => {
    options.onClose();
    for (const waiter of session.waiters.splice(0))
      waiter.reject(unreachable(address, cause?.message ?? "the connection was lost", cause));
  });
  await logIn(session, address, options.timeout);
  return session;
}

async function logIn(session: Session, address: RedisAddress, timeout: number): Promise<void> {
  const { socket } = session;
  const { username, password, database } = address;
  const login: CommandBytes[] = [];
  if (password !== "") login.push(["AUTH", ...(username === "" ? [] : [username]), password].map(utf8));
  if (database !== 0) login.push(["SELECT", `${database}`].map(utf8));
  // PING also proves that a Redis is there: no other server answers it with PONG.
  login.push([utf8("PING")]);
  const silent = setTimeout(() => socket.destroy(new Error(`no answer in ${timeout} ms`)), timeout);
  try {
    for (const reply of await exchange(session, address, login)) {
      if (reply.kind !== "error") continue;
      throw reply.text.startsWith("BUSY ") ? new BusyReply(reply.text) : unreachable(address, reply.text);
    }
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(silent);
  }
}

/** Ends a connection. Resolves when it has closed. */
export async function closeSession({ socket }: Session): Promise<void> {
  if (socket.closed) return;
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.destroy();
  await closed;
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

/** The error for a Redis that cannot be reached, or whose connection was lost. */
export function unreachable({ host, port }: RedisAddress, reason: string, cause?: Error): ZstashError {
  return new ZstashError("REDIS", `Cannot reach Redis at ${host}:${port}: ${reason}`, { cause });
}
