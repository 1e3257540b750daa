/** `zstash dev`: the local server in a terminal, or around another program. */
import { existsSync, readFileSync } from "node:fs";
import { isIP } from "node:net";
import type { DevServer, DevServerOptions, ListenAddress } from "../../dev/index.ts";
import { Failure, isOn, textOf, textsOf, UsageError } from "../command.ts";
import type { CliCommand, CliInput, CliOptions, OptionValues, Terminal } from "../command.ts";
import { describeRequest, LOG_HEAD } from "../request-log.ts";
import { explainFailure } from "./dev-failures.ts";

const DEFAULT_PORT = 8079;
const LOOPBACK = "127.0.0.1";
const BACKENDS = ["auto", "redis-server", "embedded"] as const;

const OPTIONS = {
  port: {
    value: "number",
    meaning: `port to listen on, 0 for a free one (default ${DEFAULT_PORT}, with a COMMAND a free one)`,
  },
  host: {
    value: "address",
    multiple: true,
    meaning: `address to listen on, such as 0.0.0.0 (default ${LOOPBACK}); a name is a further host name that requests may use, repeatable`,
  },
  token: {
    value: "text",
    multiple: true,
    meaning: "token that clients may use, repeatable (default: a random one)",
  },
  "read-only-token": {
    value: "text",
    multiple: true,
    meaning: "token of clients that may only read, repeatable",
  },
  "allow-origin": {
    value: "origin",
    multiple: true,
    meaning:
      "origin whose pages may send requests, such as https://app.example, repeatable (default: pages of this machine)",
  },
  redis: {
    value: "url",
    meaning: "Redis that executes the commands: redis://[user:password@]host[:port][/database]",
  },
  backend: {
    value: "name",
    meaning: "auto, redis-server or embedded (default auto: redis-server if it is on the PATH)",
  },
  seed: { value: "file", meaning: 'NDJSON of commands to run at the start, such as ["SET","key","value"]' },
  persist: { value: "file", meaning: "keep the embedded keyspace in this file" },
  verbose: { meaning: "log every request, one line each" },
  json: { meaning: "print one line of JSON: backend, url, port, token" },
  "max-request-size": { value: "bytes", meaning: "limit of a request's body (default 10485760)" },
  "max-response-size": { value: "bytes", meaning: "limit of a response's strings (default 10485760)" },
  "max-record-size": { value: "bytes", meaning: "limit of a string value (default: none)" },
  "no-resp2": { meaning: "ignore Upstash-Response-Format: every reply is JSON" },
  "no-raw-body": { meaning: "refuse a command in the path that has a body" },
  "no-scripts": { meaning: "refuse EVAL, EVALSHA, SCRIPT, FCALL and FUNCTION" },
  "no-sync-token": { meaning: "send no upstash-sync-token" },
} satisfies CliOptions;

type OptionName = keyof typeof OPTIONS;

export const DEV_COMMAND: CliCommand = {
  summary: "Run a local server that is compatible with Upstash Redis over REST",
  options: OPTIONS,
  operands: {
    usage: "COMMAND [argument…]",
    meaning:
      "With a COMMAND it runs that with UPSTASH_REDIS_REST_URL and _TOKEN (and KV_REST_API_URL and _TOKEN) set, ends with it, and with its exit code.",
  },
  examples: [
    ["zstash dev", "runs until Ctrl-C, and says what to set"],
    ["zstash dev --backend embedded --persist dev.ndjson", "keeps its keys until the next time"],
    ["zstash dev --seed seed.ndjson -- npm test", "runs the tests against a server of their own"],
  ],
  async run(input, terminal) {
    const { values, operands } = input;
    const place = readPlace(input);
    const seed = textOf(values, "seed");
    const options = readOptions(values, terminal);
    const stopped = operands === undefined ? terminal.untilStopped() : undefined;
    const attempt = { ...place, seed };
    const notes = describeNotes(values, place);
    // Imported on demand: help, and other commands, start without the server.
    const { createDevServer } = await import("../../dev/index.ts");
    const server = await createDevServer({ ...options, hosts: place.hosts }).catch((error: unknown) => {
      throw explainFailure(error, attempt);
    });
    return closing(server, async () => {
      const { port, host } = place;
      const address = await server.listen({ port, host }).catch((error: unknown) => {
        throw explainFailure(error, attempt);
      });
      if (operands !== undefined) return runCommand(operands, server, address, terminal);
      terminal.print(isOn(values, "json") ? describeJson(server, address) : describe(server, address, notes));
      if (isOn(values, "verbose")) terminal.log(LOG_HEAD);
      await stopped;
      return 0;
    });
  },
};

/** Closes the server after `work`. If the keyspace could not be kept, that is reported last. */
async function closing(server: DevServer, work: () => Promise<number>): Promise<number> {
  let code: number;
  try {
    code = await work();
  } catch (error) {
    await server.close().catch(() => undefined);
    throw error;
  }
  await server.close();
  return code;
}

async function runCommand(
  operands: readonly string[],
  server: DevServer,
  { url }: ListenAddress,
  terminal: Terminal,
): Promise<number> {
  const { token } = server;
  const { NotStarted, runChild } = await import("../child.ts");
  try {
    return await runChild(operands, {
      UPSTASH_REDIS_REST_URL: url,
      UPSTASH_REDIS_REST_TOKEN: token,
      KV_REST_API_URL: url,
      KV_REST_API_TOKEN: token,
    });
  } catch (error) {
    if (!(error instanceof NotStarted)) throw error;
    terminal.complain(error.message);
    return error.exitCode;
  }
}

/** Where the server listens, and the host names that requests may use. */
interface Place {
  readonly port: number;
  readonly host: string;
  readonly hosts: readonly string[];
}

function readPlace({ values, operands }: CliInput): Place {
  if (operands?.length === 0) throw new UsageError("A COMMAND is missing after --");
  if (operands !== undefined && isOn(values, "json"))
    throw new UsageError("Cannot use --json together with a COMMAND, which has the output for itself");
  const text = textOf(values, "port") ?? (operands === undefined ? `${DEFAULT_PORT}` : "0");
  const port = /^[0-9]{1,5}$/.test(text) ? Number(text) : -1;
  if (port < 0 || port > 65_535)
    throw new UsageError("Cannot use --port: a number from 0 to 65535 is expected");
  const given = (textsOf(values, "host") ?? []).map((host) => host.replace(/^\[(.*)\]$/, "$1"));
  const addresses = given.filter((host) => isIP(host) !== 0);
  const [host = LOOPBACK, other] = addresses;
  if (other !== undefined) {
    throw new UsageError(
      `Cannot listen on ${host} and on ${other}: give --host one address (0.0.0.0 and :: are all), and any number of names`,
    );
  }
  return { port, host, hosts: given.filter((name) => isIP(name) === 0) };
}

function readOptions(values: OptionValues, terminal: Terminal): DevServerOptions {
  const redis = textOf(values, "redis");
  const backend = readBackend(values);
  const persist = textOf(values, "persist");
  refusePairs({ redis, backend, persist });
  return {
    backend,
    redis,
    token: textsOf(values, "token"),
    readOnlyToken: textsOf(values, "read-only-token"),
    origins: textsOf(values, "allow-origin"),
    seed: readSeed(textOf(values, "seed")),
    persist,
    onPersist: (error) =>
      terminal.complain(error === undefined ? `${persist} is written again` : `${error.message}. ${GOES_ON}`),
    onRequest: isOn(values, "verbose")
      ? (record) => terminal.log(describeRequest(record, terminal.errorColumns))
      : undefined,
    maxRequestSize: readSize(values, "max-request-size"),
    maxResponseSize: readSize(values, "max-response-size"),
    maxRecordSize: readSize(values, "max-record-size"),
    noResp2: isOn(values, "no-resp2"),
    noRawBody: isOn(values, "no-raw-body"),
    noScripts: isOn(values, "no-scripts"),
    noSyncToken: isOn(values, "no-sync-token"),
  };
}

const GOES_ON = "The file is as it was before; the server goes on, and tries again in a few seconds";

function refusePairs({
  redis,
  backend,
  persist,
}: Pick<DevServerOptions, "redis" | "backend" | "persist">): void {
  if (redis !== undefined && backend !== undefined && backend !== "auto")
    throw new UsageError(`Cannot use --redis together with --backend ${backend}: leave out one of them`);
  if (persist === "") throw new UsageError("Cannot use --persist: a file is expected");
  if (persist !== undefined && (redis !== undefined || backend === "redis-server")) {
    const other = redis === undefined ? "--backend redis-server" : "--redis";
    throw new UsageError(
      `Cannot use --persist together with ${other}: it keeps the embedded keyspace. Use --backend embedded`,
    );
  }
}

function readBackend(values: OptionValues): DevServerOptions["backend"] {
  const text = textOf(values, "backend");
  const backend = BACKENDS.find((name) => name === text);
  if (text !== undefined && backend === undefined) {
    throw new UsageError(`--backend must be ${BACKENDS.join(", ")}, got "${text}"`);
  }
  return backend;
}

function readSeed(file: string | undefined): Uint8Array | undefined {
  if (file === undefined) return undefined;
  try {
    return readFileSync(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const reason = { ENOENT: "there is no such file", EACCES: "no permission", EISDIR: "it is a folder" };
    throw new Failure(`Cannot read --seed ${file}: ${reason[code as keyof typeof reason] ?? code}`);
  }
}

function readSize(values: OptionValues, name: OptionName): number | undefined {
  const text = textOf(values, name);
  if (text === undefined) return undefined;
  const size = /^[0-9]{1,12}$/.test(text) ? Number(text) : 0;
  if (size === 0) throw new UsageError(`Cannot use --${name}: a number of bytes above 0 is expected`);
  return size;
}

/**
 * Notes about what may surprise the user. They are made before the server starts, because the server makes the file.
 */
function describeNotes(values: OptionValues, { host }: Place): readonly string[] {
  const file = textOf(values, "persist");
  const isSeedLeftOut = textOf(values, "seed") !== undefined && file !== undefined && existsSync(file);
  const isOpen = host !== "::1" && !host.startsWith("127.");
  return [
    ...(isSeedLeftOut ? [`the seed is left out: ${file} is there already`] : []),
    ...(isOpen ? ["other machines can reach it: whoever has the token may do everything"] : []),
  ];
}

function describe(server: DevServer, { url }: ListenAddress, notes: readonly string[]): string {
  return [
    `zstash dev: ${server.backend.description}`,
    `listening on ${url}, Ctrl-C ends it`,
    `open ${url}/?ticket=${server.ticket()}`,
    ...notes,
    "",
    `UPSTASH_REDIS_REST_URL=${url}`,
    `UPSTASH_REDIS_REST_TOKEN=${server.token}`,
  ].join("\n");
}

function describeJson({ backend, token }: DevServer, { url, port }: ListenAddress): string {
  return JSON.stringify({ backend, url, port, token });
}
