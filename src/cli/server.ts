/** The server that a command talks to: its options, the environment's variables, and advice when it cannot be used. */
import { ZstashError } from "../errors.ts";
import { textOf, UsageError } from "./command.ts";
import type { CliOptions, OptionValues, Terminal } from "./command.ts";

/** Variables of the environment for what the command line leaves out, and the names that Vercel gives them. */
export const URL_VARIABLE = "UPSTASH_REDIS_REST_URL";
export const TOKEN_VARIABLE = "UPSTASH_REDIS_REST_TOKEN";
const VERCEL_NAMES: Readonly<Record<string, string>> = {
  [URL_VARIABLE]: "KV_REST_API_URL",
  [TOKEN_VARIABLE]: "KV_REST_API_TOKEN",
};
/** Tokens are taken out of messages from this length on: a shorter one is a part of words, and no secret. */
const TOKEN_MIN = 6;

/** A REST endpoint. */
export interface ServerAddress {
  readonly url: string;
  readonly token: string;
}

/** What a command does with a server, and where. */
export interface ServerUse {
  /** The command in messages: "sweep" for "Cannot sweep without a token". */
  readonly doing: string;
  readonly terminal: Terminal;
  /** Its name in "zstash … --help", where that is another: "dict list" for "list dictionaries". */
  readonly command?: string | undefined;
  /** What its token may do, for whoever lacks the rights. Default: "may read and write". */
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
 * Runs a command against the server of its options or of the environment. An error of the server comes with advice and
 * without the token, whatever the server says; the progress is removed at the end.
 *
 * @throws {UsageError} where there is no URL or token, or a wrong one
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

/** True where a URL and a token are given, for a command that can do without. */
export function hasServer(values: OptionValues): boolean {
  return addressOf(values, "url", URL_VARIABLE) !== "" && addressOf(values, "token", TOKEN_VARIABLE) !== "";
}

/** An option or its variable; empty if neither is given. */
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
  const message = `${error.message}${advice === undefined ? "" : `. ${advice}`}`;
  return error.with({
    message: withoutToken(message, token),
    cause: undefined,
  });
}

/** A text without the token, whatever a server has put into it. */
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
