import { createDevServer } from "../../dev/index.ts";
import type { DevServer, DevServerOptions, ListenAddress } from "../../dev/index.ts";
import type { CliCommand, OptionValues, Terminal } from "../command.ts";
import { UsageError } from "../command.ts";

const DEFAULT_PORT = 8079;
const BACKENDS = ["auto", "redis-server", "embedded"] as const;

/** Sizes in bytes, by their option. */
const SIZES = {
  "max-request-size": "maxRequestSize",
  "max-response-size": "maxResponseSize",
  "max-record-size": "maxRecordSize",
} as const;
/** What the server is to lack, by its option. */
const SWITCHES = {
  "no-resp2": "noResp2",
  "no-raw-body": "noRawBody",
  "no-scripts": "noScripts",
  "no-sync-token": "noSyncToken",
} as const;

/** `zstash dev`: the local server in a terminal. */
export const DEV_COMMAND: CliCommand = {
  summary: "Run a local server that is compatible with Upstash Redis over REST",
  options: {
    port: { type: "string" },
    token: { type: "string", multiple: true },
    "read-only-token": { type: "string", multiple: true },
    redis: { type: "string" },
    backend: { type: "string" },
    ...Object.fromEntries(Object.keys(SIZES).map((name) => [name, { type: "string" as const }])),
    ...Object.fromEntries(Object.keys(SWITCHES).map((name) => [name, { type: "boolean" as const }])),
    json: { type: "boolean" },
  },
  help: [
    { usage: "--port <number>", meaning: `port on 127.0.0.1, 0 for a free one (default ${DEFAULT_PORT})` },
    { usage: "--token <text>", meaning: "token that clients may use, repeatable (default: a random one)" },
    { usage: "--read-only-token <text>", meaning: "token of clients that may only read, repeatable" },
    {
      usage: "--redis <url>",
      meaning: "Redis to stand in front of: redis://[user:password@]host[:port][/database]",
    },
    {
      usage: "--backend <name>",
      meaning: "auto, redis-server or embedded (default auto: redis-server if it is on the PATH)",
    },
    { usage: "--max-request-size <bytes>", meaning: "limit of a request's body (default 10485760)" },
    { usage: "--max-response-size <bytes>", meaning: "limit of a response's strings (default 10485760)" },
    { usage: "--max-record-size <bytes>", meaning: "limit of a string value (default: none)" },
    { usage: "--no-resp2", meaning: "ignore Upstash-Response-Format: every reply is JSON" },
    { usage: "--no-raw-body", meaning: "refuse a command in the path that has a body" },
    { usage: "--no-scripts", meaning: "refuse EVAL, EVALSHA, SCRIPT, FCALL and FUNCTION" },
    { usage: "--no-sync-token", meaning: "send no upstash-sync-token" },
    { usage: "--json", meaning: "print one line of JSON: backend, url, token" },
  ],
  async run(values, terminal) {
    const port = readPort(values);
    const stopped = terminal.untilStopped();
    const server = await createDevServer(readOptions(values));
    try {
      const address = await server.listen({ port });
      terminal.print(values["json"] === true ? describeJson(server, address) : describe(server, address));
      await stopped;
      return 0;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
      return portTaken(port, terminal);
    } finally {
      await server.close();
    }
  },
};

function portTaken(port: number, terminal: Terminal): number {
  terminal.complain(
    `Cannot listen on port ${port}: it is in use. Choose another with --port, or --port 0 for a free one`,
  );
  return 1;
}

function readPort(values: OptionValues): number {
  const text = values["port"] ?? `${DEFAULT_PORT}`;
  const port = typeof text === "string" && /^[0-9]{1,5}$/.test(text) ? Number(text) : -1;
  if (port < 0 || port > 65_535)
    throw new UsageError("Cannot use --port: a number from 0 to 65535 is expected");
  return port;
}

function readOptions(values: OptionValues): DevServerOptions {
  const { token, redis, backend } = values as { token?: string[]; redis?: string; backend?: string };
  const readOnlyToken = values["read-only-token"] as string[] | undefined;
  const known = BACKENDS.find((name) => name === backend);
  if (backend !== undefined && known === undefined) {
    throw new UsageError(`Cannot use --backend: ${BACKENDS.join(", ")} are there, got "${backend}"`);
  }
  if (redis !== undefined && known !== undefined && known !== "auto") {
    throw new UsageError(`Cannot use --redis together with --backend ${known}: leave out one of them`);
  }
  return {
    ...(token === undefined ? {} : { token }),
    ...(readOnlyToken === undefined ? {} : { readOnlyToken }),
    ...readSizes(values),
    ...Object.fromEntries(
      Object.entries(SWITCHES)
        .filter(([name]) => values[name] === true)
        .map(([, option]) => [option, true]),
    ),
    ...(redis === undefined ? {} : { redis }),
    ...(known === undefined ? {} : { backend: known }),
  };
}

function readSizes(values: OptionValues): Pick<DevServerOptions, (typeof SIZES)[keyof typeof SIZES]> {
  const given = Object.entries(SIZES).flatMap(([name, option]) => {
    const text = values[name];
    if (text === undefined) return [];
    const size = typeof text === "string" && /^[0-9]{1,12}$/.test(text) ? Number(text) : 0;
    if (size === 0) throw new UsageError(`Cannot use --${name}: a number of bytes above 0 is expected`);
    return [[option, size] as const];
  });
  return Object.fromEntries(given);
}

function describe(server: DevServer, { url }: ListenAddress): string {
  return [
    `zstash dev: ${server.backend.description}`,
    `listening on ${url}, Ctrl-C ends it`,
    "",
    `UPSTASH_REDIS_REST_URL=${url}`,
    `UPSTASH_REDIS_REST_TOKEN=${server.token}`,
  ].join("\n");
}

function describeJson({ backend, token }: DevServer, { url, port }: ListenAddress): string {
  return JSON.stringify({ backend, url, port, token });
}
