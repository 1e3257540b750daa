/** `zstash dev`: the local server in a terminal. */
import { createDevServer } from "../../dev/index.ts";
import type { DevServer, DevServerOptions, ListenAddress } from "../../dev/index.ts";
import type { CliCommand, CliOptions, OptionValues, Terminal } from "../command.ts";
import { UsageError } from "../command.ts";

const DEFAULT_PORT = 8079;
const BACKENDS = ["auto", "redis-server", "embedded"] as const;

const OPTIONS = {
  port: { value: "number", meaning: `port on 127.0.0.1, 0 for a free one (default ${DEFAULT_PORT})` },
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
  redis: {
    value: "url",
    meaning: "Redis to stand in front of: redis://[user:password@]host[:port][/database]",
  },
  backend: {
    value: "name",
    meaning: "auto, redis-server or embedded (default auto: redis-server if it is on the PATH)",
  },
  "max-request-size": { value: "bytes", meaning: "limit of a request's body (default 10485760)" },
  "max-response-size": { value: "bytes", meaning: "limit of a response's strings (default 10485760)" },
  "max-record-size": { value: "bytes", meaning: "limit of a string value (default: none)" },
  "no-resp2": { meaning: "ignore Upstash-Response-Format: every reply is JSON" },
  "no-raw-body": { meaning: "refuse a command in the path that has a body" },
  "no-scripts": { meaning: "refuse EVAL, EVALSHA, SCRIPT, FCALL and FUNCTION" },
  "no-sync-token": { meaning: "send no upstash-sync-token" },
  json: { meaning: "print one line of JSON: backend, url, token" },
} satisfies CliOptions;

type OptionName = keyof typeof OPTIONS;

export const DEV_COMMAND: CliCommand = {
  summary: "Run a local server that is compatible with Upstash Redis over REST",
  options: OPTIONS,
  async run(values, terminal) {
    const port = readPort(values);
    const stopped = terminal.untilStopped();
    const server = await createDevServer(readOptions(values));
    try {
      const address = await server.listen({ port });
      terminal.print(isOn(values, "json") ? describeJson(server, address) : describe(server, address));
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
  const text = textOf(values, "port") ?? `${DEFAULT_PORT}`;
  const port = /^[0-9]{1,5}$/.test(text) ? Number(text) : -1;
  if (port < 0 || port > 65_535)
    throw new UsageError("Cannot use --port: a number from 0 to 65535 is expected");
  return port;
}

function readOptions(values: OptionValues): DevServerOptions {
  const redis = textOf(values, "redis");
  const backend = readBackend(values);
  if (redis !== undefined && backend !== undefined && backend !== "auto") {
    throw new UsageError(`Cannot use --redis together with --backend ${backend}: leave out one of them`);
  }
  return {
    backend,
    redis,
    token: textsOf(values, "token"),
    readOnlyToken: textsOf(values, "read-only-token"),
    maxRequestSize: readSize(values, "max-request-size"),
    maxResponseSize: readSize(values, "max-response-size"),
    maxRecordSize: readSize(values, "max-record-size"),
    noResp2: isOn(values, "no-resp2"),
    noRawBody: isOn(values, "no-raw-body"),
    noScripts: isOn(values, "no-scripts"),
    noSyncToken: isOn(values, "no-sync-token"),
  };
}

function readBackend(values: OptionValues): DevServerOptions["backend"] {
  const text = textOf(values, "backend");
  const backend = BACKENDS.find((name) => name === text);
  if (text !== undefined && backend === undefined) {
    throw new UsageError(`Cannot use --backend: ${BACKENDS.join(", ")} are there, got "${text}"`);
  }
  return backend;
}

function readSize(values: OptionValues, name: OptionName): number | undefined {
  const text = textOf(values, name);
  if (text === undefined) return undefined;
  const size = /^[0-9]{1,12}$/.test(text) ? Number(text) : 0;
  if (size === 0) throw new UsageError(`Cannot use --${name}: a number of bytes above 0 is expected`);
  return size;
}

function textOf(values: OptionValues, name: OptionName): string | undefined {
  const value = values[name];
  return typeof value === "string" ? value : undefined;
}

/** The values of an option that may be given several times. */
function textsOf(values: OptionValues, name: OptionName): string[] | undefined {
  const value = values[name];
  return Array.isArray(value) ? value.map(String) : undefined;
}

function isOn(values: OptionValues, name: OptionName): boolean {
  return values[name] === true;
}

function describe(server: DevServer, { url }: ListenAddress): string {
  return [
    `zstash dev: ${server.backend.description}`,
    `listening on ${url}, Ctrl-C ends it`,
    `open ${url}/?ticket=${server.ticket()}`,
    "",
    `UPSTASH_REDIS_REST_URL=${url}`,
    `UPSTASH_REDIS_REST_TOKEN=${server.token}`,
  ].join("\n");
}

function describeJson({ backend, token }: DevServer, { url, port }: ListenAddress): string {
  return JSON.stringify({ backend, url, port, token });
}
