/** The backend that sends commands to a Redis over TCP: its URL, its one connection, and its feeds. */
import type { RespValue } from "../../rest/resp.ts";
import type { Backend, BackendKind, CommandBytes } from "../backend.ts";
import { utf8 } from "../text.ts";
import { RedisFeeds } from "./feeds.ts";
import { closeSession, exchange, openSession, unreachable } from "./session.ts";
import type { RedisAddress, Session } from "./session.ts";

/** The time that a connection and its login may take, in ms. */
const CONNECT_TIMEOUT_MS = 5_000;

/** Read `redis://[user:password@]host[:port][/database]`. Anything else is a TypeError without the text in it. */
export function readRedisUrl(text: string): RedisAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const database = /^\/?([0-9]{0,9})$/.exec(url?.pathname ?? "")?.[1];
  const username = percentDecode(url?.username);
  const password = percentDecode(url?.password);
  if (
    url?.protocol !== "redis:" ||
    url.hostname === "" ||
    database === undefined ||
    username === undefined ||
    password === undefined
  ) {
    throw new TypeError('"redis" must be redis://[user:password@]host[:port][/database], got another text');
  }
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: url.port === "" ? 6379 : Number(url.port),
    username,
    password,
    database: Number(database),
  };
}

function percentDecode(text: string = ""): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/**
 * A Redis over one connection, on which all commands are pipelined. The commands of one call are written without others
 * in between, so that MULTI … EXEC is one transaction although requests share the connection. A lost connection rejects
 * the calls that wait for replies, whose effect is unknown; the next call connects again.
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

  /** The connection, opened and logged in if there is none. */
  connect(): Promise<Session> {
    if (this.#closed) return Promise.reject(unreachable(this.#address, "the client is closed"));
    if (this.#session !== undefined) return this.#session;
    const forget = (): void => {
      if (this.#session === session) this.#session = undefined;
    };
    const session = openSession(this.#address, { timeout: this.#timeout, onClose: forget });
    session.catch(forget);
    this.#session = session;
    return session;
  }

  async close(): Promise<void> {
    this.#closed = true;
    const session = await this.#session?.catch(() => undefined);
    if (session !== undefined) await closeSession(session);
  }
}

/** Connect to a Redis by URL. Rejects with ZstashError REDIS if it cannot be reached or refuses the login. */
export async function connectRedis(url: string, timeout: number = CONNECT_TIMEOUT_MS): Promise<Backend> {
  const address = readRedisUrl(url);
  const database = address.database === 0 ? "" : `, database ${address.database}`;
  return openRedis(address, "redis-url", `Redis at ${address.host}:${address.port}${database}`, timeout);
}

/** A backend over the Redis at an address. Rejects with ZstashError REDIS if it cannot be reached. */
export async function openRedis(
  address: RedisAddress,
  kind: BackendKind,
  description: string,
  timeout: number = CONNECT_TIMEOUT_MS,
): Promise<Backend> {
  const client = new RedisClient(address, timeout);
  const feeds = new RedisFeeds(address, timeout);
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
      // If MULTI failed, nothing was queued, and EXEC's error would hide the reason.
      return replies[0]?.kind === "error" ? replies[0] : last(replies);
    },
    feed: (command) => feeds.open(command),
    close: async () => void (await Promise.all([client.close(), feeds.close()])),
  };
}
