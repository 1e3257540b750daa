/** The backend that sends commands to a Redis over TCP: its URL, its connections, and its feeds. */
import type { RespValue } from "../../rest/resp.ts";
import { commandName, SCRIPTS } from "../backend.ts";
import type { Backend, BackendKind, Caller, CommandBytes } from "../backend.ts";
import { utf8 } from "../text.ts";
import { RedisConnections } from "./connections.ts";
import { RedisFeeds } from "./feeds.ts";
import { BusyReply, unreachable } from "./session.ts";
import type { RedisAddress } from "./session.ts";
import { createReader, createScriptUser, READER_NAME, SCRIPTS_NAME } from "./users.ts";

/** The time that a connection and its login may take, in ms. */
const CONNECT_TIMEOUT_MS = 5_000;

/**
 * Reads `redis://[user:password@]host[:port][/database]`. Anything else is a TypeError that does not repeat the text.
 */
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

/** Connects to a Redis by URL. Rejects with ZstashError REDIS if it cannot be reached or refuses the login. */
export async function connectRedis(url: string, timeout: number = CONNECT_TIMEOUT_MS): Promise<Backend> {
  const address = readRedisUrl(url);
  const database = address.database === 0 ? "" : `, database ${address.database}`;
  const description = `Redis at ${address.host}:${address.port}${database}`;
  return openRedis(address, { kind: "redis-url", description, timeout });
}

/** Replaces FLUSHALL, which would also empty databases that the URL does not name, by the FLUSHDB that clients mean. */
function withinDatabase(command: CommandBytes): CommandBytes {
  return commandName(command) === "FLUSHALL" ? [utf8("FLUSHDB"), ...command.slice(1)] : command;
}

/** What openRedis needs besides the address. */
export interface RedisOptions {
  readonly kind: BackendKind;
  readonly description: string;
  readonly timeout?: number | undefined;
  /**
   * The password of the users that are created: one runs the commands of read-only tokens, and one runs all scripts.
   * Without a password, read-only tokens may run no scripts, and scripts of others may do whatever the address's user
   * may.
   */
  readonly userPassword?: string | undefined;
}

/** Makes a backend for the Redis at an address. Rejects with ZstashError REDIS if it cannot be reached. */
export async function openRedis(address: RedisAddress, options: RedisOptions): Promise<Backend> {
  const { kind, description, timeout = CONNECT_TIMEOUT_MS, userPassword } = options;
  const writer = new RedisConnections(address, timeout);
  const feeds = new RedisFeeds(address, timeout);
  await writer.connect().catch((error: unknown) => {
    throw error instanceof BusyReply ? unreachable(address, error.message) : error;
  });
  let reader: RedisConnections | undefined;
  let scripts = writer;
  if (userPassword !== undefined) {
    const connectAs = async (username: string, user: CommandBytes | undefined): Promise<typeof reader> => {
      const [made] = user === undefined ? [] : await writer.send([user]);
      const login = { ...address, username, password: userPassword };
      return made?.kind === "status" ? new RedisConnections(login, timeout) : undefined;
    };
    const [list] = await writer.send([[utf8("COMMAND"), utf8("LIST")]]);
    reader = await connectAs(READER_NAME, createReader(userPassword));
    scripts = (await connectAs(SCRIPTS_NAME, createScriptUser(userPassword, list))) ?? writer;
  }
  const send = (commands: readonly CommandBytes[], caller: Caller | undefined): Promise<RespValue[]> => {
    const own = caller?.readOnly === true ? reader : undefined;
    const alone = commands.some((command) => SCRIPTS.has(commandName(command)));
    return alone ? (own ?? scripts).sendAlone(commands) : (own ?? writer).send(commands);
  };
  const execute: Backend["pipeline"] =
    kind === "redis-url" ? (commands, caller) => send(commands.map(withinDatabase), caller) : send;
  const last = (replies: readonly RespValue[]): RespValue => {
    const reply = replies.at(-1);
    if (reply === undefined) throw unreachable(address, "no reply");
    return reply;
  };
  return {
    kind,
    description,
    restrictsScripts: reader !== undefined,
    execute: async (command) => last(await execute([command], { readOnly: false })),
    pipeline: execute,
    transaction: async (commands, caller) => {
      const whole = [[utf8("MULTI")], ...commands, [utf8("EXEC")]];
      const replies = await execute(whole, caller ?? { readOnly: false });
      // If MULTI failed, nothing was queued, and EXEC's error would hide the reason.
      return replies[0]?.kind === "error" ? replies[0] : last(replies);
    },
    feed: (command) => feeds.open(command),
    close: async () =>
      void (await Promise.all([writer.close(), scripts.close(), reader?.close(), feeds.close()])),
  };
}
