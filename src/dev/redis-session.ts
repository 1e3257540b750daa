import { connect } from "node:net";
import type { Socket } from "node:net";
import { ZstashError } from "../errors.ts";
import { writeCommand } from "../rest/resp-writer.ts";
import { RespParser } from "../rest/resp.ts";
import type { RespLimits, RespValue } from "../rest/resp.ts";
import type { CommandBytes } from "./backend.ts";
import { utf8 } from "./text.ts";

/** Where a Redis is and how to log in, read from its URL. */
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

/** How a connection is made. */
export interface SessionOptions {
  /** How long a connection and its login may take, in ms. */
  readonly timeout: number;
  readonly limits?: RespLimits;
  /** Called once, when the connection is gone. */
  onClose(): void;
}

/** An open connection and who waits for its replies, in the order of the commands. */
export interface Session {
  readonly socket: Socket;
  readonly waiters: Waiter[];
  /** Takes what comes without being asked for. Without it that is a fault, and ends the connection. */
  onPush: ((reply: RespValue) => void) | undefined;
}

/** Send commands together, with nothing of anybody else's in between, and return their replies in order. */
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

/** Connect and log in. Rejects with ZstashError REDIS. */
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
  // Also proof that a Redis is there: whatever else listens does not answer PING with PONG.
  login.push([utf8("PING")]);
  const silent = setTimeout(() => socket.destroy(new Error(`no answer in ${timeout} ms`)), timeout);
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
}

/** End a connection. Resolves when it is gone. */
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

/** The error of a Redis that cannot be reached, or no longer. */
export function unreachable({ host, port }: RedisAddress, reason: string, cause?: Error): ZstashError {
  return new ZstashError("REDIS", `Cannot reach Redis at ${host}:${port}: ${reason}`, { cause });
}
