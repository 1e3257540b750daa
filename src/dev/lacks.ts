/** Explains errors of a backend that lacks what Upstash has: they name the command and the backend that has it. */
import type { RespValue } from "../rest/resp.ts";
import { commandName } from "./backend.ts";
import type { Backend, CommandBytes } from "./backend.ts";
import { COMMANDS, isNewer, lacksEmbedded, lacksRedis, newerOptions } from "./commands.ts";
import { toText, utf8 } from "./text.ts";

/** The longest argument that may be an option. */
const OPTION_LENGTH_MAX = 16;

/** Returns the reply, or the error that explains it if the backend does not know the command or one of its options. */
export async function explainLack(
  backend: Backend,
  command: CommandBytes,
  reply: RespValue,
): Promise<RespValue> {
  if (reply.kind !== "error" || backend.kind === "embedded") return reply;
  const name = commandName(command);
  const facts = COMMANDS.get(name);
  if (facts === undefined) return reply;
  if (reply.text.startsWith("ERR unknown command")) {
    const { product } = await readVersion(backend);
    return { kind: "error", text: lacksRedis(product, name, facts.since, facts.embedded) };
  }
  if (!/^ERR (syntax error|wrong number|unknown|unsupported)/i.test(reply.text)) return reply;
  const options = command
    .slice(1)
    .map((argument) => (argument.length > OPTION_LENGTH_MAX ? "" : toText(argument).toUpperCase()));
  const { product, version } = await readVersion(backend);
  const [lacked] = version === undefined ? [] : newerOptions(name, options, version);
  if (lacked === undefined) return reply;
  const [option, since] = lacked;
  return { kind: "error", text: lacksRedis(product, `${name} … ${option}`, since, facts.embedded) };
}

/** The reply of a transaction, or the error for the first command in it that the backend lacks, if that ended it. */
export async function explainAbort(
  backend: Backend,
  commands: readonly CommandBytes[],
  reply: RespValue,
): Promise<RespValue> {
  if (reply.kind !== "error" || !reply.text.startsWith("EXECABORT")) return reply;
  const isEmbedded = backend.kind === "embedded";
  const { product, version } = isEmbedded ? NO_VERSION : await readVersion(backend);
  for (const name of commands.map(commandName)) {
    const facts = COMMANDS.get(name);
    if (facts === undefined) continue;
    const { since, embedded } = facts;
    if (isEmbedded && !embedded) return { kind: "error", text: lacksEmbedded(name, since) };
    if (!isEmbedded && (since === undefined || (version !== undefined && isNewer(since, version))))
      return { kind: "error", text: lacksRedis(product, name, since, embedded) };
  }
  return reply;
}

interface Version {
  /** The product name of the server, for people. */
  readonly product: string;
  /** The version of Redis whose commands the server has. */
  readonly version: string | undefined;
}

const NO_VERSION: Version = { product: "Redis", version: undefined };

/**
 * Asks for the name and version of the Redis behind a backend. They are asked for each time, because only errors need
 * them.
 */
async function readVersion(backend: Backend): Promise<Version> {
  const reply = await backend.execute([utf8("INFO"), utf8("server")]);
  const text = reply.kind === "bulk" && reply.bytes !== null ? toText(reply.bytes) : "";
  const version = /^redis_version:([0-9.]+)/m.exec(text)?.[1];
  const valkey = /^valkey_version:([0-9.]+)/m.exec(text)?.[1];
  if (version === undefined) return NO_VERSION;
  return { product: valkey === undefined ? `Redis ${version}` : `Valkey ${valkey}`, version };
}
