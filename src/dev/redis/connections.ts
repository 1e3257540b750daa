/** The connections of one user of a Redis: one that requests share, and some for single scripts. */
import type { RespValue } from "../../rest/resp.ts";
import type { CommandBytes } from "../backend.ts";
import { BusyReply, closeSession, exchange, openSession, unreachable } from "./session.ts";
import type { RedisAddress, Session } from "./session.ts";

/** A server runs one script at a time: more connections only queue them there. */
const MAX_SCRIPT_CONNECTIONS = 8;

/**
 * Commands are pipelined on one connection. The commands of one call are written without others in between, so that
 * MULTI … EXEC is one transaction although requests share the connection. A script that does not end blocks only its
 * own connection: on the others Redis answers BUSY and runs SCRIPT KILL. A lost connection rejects the calls that
 * wait for replies, whose effect is unknown; the next call connects again.
 */
export class RedisConnections {
  readonly #address: RedisAddress;
  readonly #timeout: number;
  readonly #idle: Session[] = [];
  readonly #open = new Set<Session>();
  /** Calls that wait for a connection, in their order. */
  readonly #waiting: (() => void)[] = [];
  #shared: Promise<Session> | undefined;
  #lent = 0;
  #closed = false;

  constructor(address: RedisAddress, timeout: number) {
    this.#address = address;
    this.#timeout = timeout;
  }

  /** Sends commands together and returns their replies, in order. */
  async send(commands: readonly CommandBytes[]): Promise<RespValue[]> {
    return this.#exchange(await this.connect().catch(busyReply), commands);
  }

  /** The same on a connection that no other call uses meanwhile. */
  async sendAlone(commands: readonly CommandBytes[]): Promise<RespValue[]> {
    if (this.#lent >= MAX_SCRIPT_CONNECTIONS) await new Promise<void>((lend) => this.#waiting.push(lend));
    else this.#lent += 1;
    let session: Session | BusyReply | undefined;
    try {
      session = this.#idle.pop() ?? (await this.#connect(() => undefined).catch(busyReply));
      return await this.#exchange(session, commands);
    } finally {
      if (session !== undefined && !(session instanceof BusyReply) && !session.socket.destroyed)
        this.#idle.push(session);
      const next = this.#waiting.shift();
      if (next === undefined) this.#lent -= 1;
      else next();
    }
  }

  /** The shared connection, opened and logged in if there is none. */
  connect(): Promise<Session> {
    if (this.#shared !== undefined) return this.#shared;
    const forget = (): void => {
      if (this.#shared === session) this.#shared = undefined;
    };
    const session = this.#connect(forget);
    session.catch(forget);
    this.#shared = session;
    return session;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#shared?.catch(() => undefined);
    await Promise.all(Array.from(this.#open, closeSession));
  }

  async #connect(onClose: () => void): Promise<Session> {
    if (this.#closed) throw unreachable(this.#address, "the client is closed");
    let forget = onClose;
    const session = await openSession(this.#address, { timeout: this.#timeout, onClose: () => forget() });
    this.#open.add(session);
    forget = () => {
      this.#open.delete(session);
      const at = this.#idle.indexOf(session);
      if (at !== -1) this.#idle.splice(at, 1);
      onClose();
    };
    if (session.socket.destroyed) forget();
    if (this.#closed) await closeSession(session);
    return session;
  }

  #exchange(
    session: Session | BusyReply,
    commands: readonly CommandBytes[],
  ): Promise<RespValue[]> | RespValue[] {
    if (session instanceof BusyReply) return commands.map(() => ({ kind: "error", text: session.message }));
    return exchange(session, this.#address, commands);
  }
}

/** A Redis that is running a script refuses a login as it refuses commands: that is an answer. */
function busyReply(error: unknown): BusyReply {
  if (error instanceof BusyReply) return error;
  throw error;
}
