/** The server that a command talks to: its options, the environment's variables, and advice if it cannot be used. */
import { ZstashError } from "../errors.ts";
import { textOf, UsageError } from "./command.ts";
import type { CliOptions, OptionValues, Terminal } from "./command.ts";

/** The environment variables that replace missing options, and the names that Vercel gives them. */
export const URL_VARIABLE = "UPSTASH_REDIS_REST_URL";
export const TOKEN_VARIABLE = "UPSTASH_REDIS_REST_TOKEN";
const VERCEL_NAMES: Readonly<Record<string, string>> = {
  [URL_VARIABLE]: "KV_REST_API_URL",
  [TOKEN_VARIABLE]: "KV_REST_API_TOKEN",
};
/**
 * Tokens of at least this length are removed from messages: a shorter one could be part of a word, and is no secret.
 */
const TOKEN_MIN = 6;

/** A REST endpoint. */
export interface ServerAddress {
  readonly url: string;
  readonly token: string;
}

/** What a command does with a server, for messages. */
export interface ServerUse {
  /** What the command does, as in "Cannot sweep without a token". */
  readonly doing: string;
  readonly terminal: Terminal;
  /** The command's name in "zstash … --help", if it differs: "dict list" for "list dictionaries". */
  readonly command?: string | undefined;
  /** The rights that the token needs, for messages. Default: "may read and write". */
  readonly rights?: string | undefined;
}

/** The options `--url` and `--token`; `token` says what kind of token the command needs. */
export function serverOptions(token: string): CliOptions {
  return {
    url: { value: "url", meaning: `URL of the REST API (default: ${URL_VARIABLE}, else KV_REST_API_URL)` },
    token: { value: "text", meaning: `${token} (default: ${TOKEN_VARIABLE}, else KV_REST_API_TOKEN)` },
  };
}

/**
 * Runs a command against the server that its options or the environment name. An error of the server gets advice, and
 * the token is removed from it, whatever the server says. The progress line is removed at the end.
 *
 * @throws {UsageError} if the URL or the token is missing or wrong
 */
export async function withServer<Result>(
  values: OptionValues,
  use: ServerUse,
  run: (server: ServerAddress) => Promise<Result>,
): Promise<Result> {
  const server = readServer(values, use.doing);
  try {
    return await run(server);
  } catch (error) {
    throw advised(error, server.token, use);
  } finally {
    use.terminal.progress(undefined);
  }
}

/** Returns true if a URL and a token are given, for a command that can work without. */
export function hasServer(values: OptionValues): boolean {
  return addressOf(values, "url", URL_VARIABLE) !== "" && addressOf(values, "token", TOKEN_VARIABLE) !== "";
}

/** The value of an option or of its variable; empty if neither is given. */
function addressOf(values: OptionValues, option: string, variable: string): string {
  const { [variable]: value, [VERCEL_NAMES[variable]!]: other } = process.env;
  // An option or a variable that is empty was meant to be set.
  return textOf(values, option) ?? (value || other || "");
}

function readServer(values: OptionValues, doing: string): ServerAddress {
  const read = (option: string, variable: string): string => {
    const found = addressOf(values, option, variable);
    if (found !== "") return found;
    throw new UsageError(`Cannot ${doing} without a ${option}: give --${option} or set ${variable}`);
  };
  return { url: read("url", URL_VARIABLE), token: read("token", TOKEN_VARIABLE) };
}

/** The same error with advice, and without the token. The client's TypeErrors are about a wrong URL or token. */
function advised(error: unknown, token: string, { doing, command = doing, rights }: ServerUse): unknown {
  if (error instanceof TypeError && /\b(url|token)\b/i.test(error.message)) {
    const help = `zstash ${command} --help`;
    return new UsageError(`Cannot ${doing}: ${error.message}. See --url and --token in "${help}"`);
  }
  if (!(error instanceof ZstashError)) return error;
  const advice = adviceFor(error, rights);
  // The program's own advice names its options too.
  const said =
    advice === undefined ? error.message : error.message.replace(/: check "\w+" \(\w+\)(?=; |$)/, "");
  const message = `${said}${advice === undefined ? "" : `. ${advice}`}`;
  return error.with({
    message: withoutToken(message, token),
    cause: undefined,
  });
}

/** Removes the token from a text that a server may have written. */
export function withoutToken(text: string, token: string): string {
  return token.length < TOKEN_MIN ? text : text.replaceAll(token, "[token]");
}

function adviceFor(
  { code, status, message }: ZstashError,
  rights: string = "may read and write",
): string | undefined {
  if (message.includes("NOPERM")) return `Use a token that ${rights}: --token or ${TOKEN_VARIABLE}`;
  if (message.includes("WRONGTYPE"))
    return "It holds no string: read it with a client of Redis, a field of a hash with zstash inspect --field";
  if (status === 401) return `Check --token or ${TOKEN_VARIABLE}`;
  if (status === 429) return "Try again later";
  if (status !== undefined || code === "TIMEOUT" || message.includes("reach the server")) {
    return `Check --url or ${URL_VARIABLE}, and that the server runs`;
  }
  return code === "REDIS" ? `Check that --url or ${URL_VARIABLE} is a Redis REST API` : undefined;
}
