/** `zstash sweep`: lists and removes temporary keys of uploads that ended without removing them. */
import { ZstashError } from "../../errors.ts";
import type { Store, TemporaryKey } from "../../store/index.ts";
import { isOn, textOf, UsageError } from "../command.ts";
import type { CliCommand, OptionValues, Terminal } from "../command.ts";
import { bytes, count, printable, table } from "../text.ts";

/** Variables of the environment for what the command line leaves out, and the names that Vercel gives them. */
const URL_VARIABLE = "UPSTASH_REDIS_REST_URL";
const TOKEN_VARIABLE = "UPSTASH_REDIS_REST_TOKEN";
const VERCEL_NAMES: Readonly<Record<string, string>> = {
  [URL_VARIABLE]: "KV_REST_API_URL",
  [TOKEN_VARIABLE]: "KV_REST_API_TOKEN",
};
/** Keys that one request removes. */
const DELETE_COUNT = 1000;
/** Tokens are taken out of messages from this length on: a shorter one is a part of words, and no secret. */
const TOKEN_MIN = 6;

export const SWEEP_COMMAND: CliCommand = {
  summary: "List and remove temporary keys of uploads that were left behind",
  options: {
    url: { value: "url", meaning: `URL of the REST API (default: ${URL_VARIABLE}, else KV_REST_API_URL)` },
    token: {
      value: "text",
      meaning: `token that may write (default: ${TOKEN_VARIABLE}, else KV_REST_API_TOKEN)`,
    },
    delete: { meaning: "remove the keys that are listed" },
    all: { meaning: "also keys that a running upload may own; removing them makes it fail" },
    json: { meaning: "print one line of JSON: keys, sizes in bytes, times to live in ms, removed" },
  },
  examples: [
    ["zstash sweep", `lists them, at the server of ${URL_VARIABLE}`],
    ["zstash sweep --delete", "removes them"],
  ],
  async run({ values }, terminal) {
    const server = readServer(values);
    try {
      return await sweep(server, values, terminal);
    } catch (error) {
      throw advised(error, server.token);
    } finally {
      terminal.progress(undefined);
    }
  },
};

interface ServerAddress {
  readonly url: string;
  readonly token: string;
}

function readServer(values: OptionValues): ServerAddress {
  const read = (option: string, variable: string): string => {
    const { [variable]: value, [VERCEL_NAMES[variable]!]: other } = process.env;
    // An option or a variable that is empty was meant to be set.
    const found = textOf(values, option) ?? (value || other || "");
    if (found !== "") return found;
    throw new UsageError(`Cannot sweep without a ${option}: give --${option} or set ${variable}`);
  };
  return { url: read("url", URL_VARIABLE), token: read("token", TOKEN_VARIABLE) };
}

async function sweep(server: ServerAddress, values: OptionValues, terminal: Terminal): Promise<number> {
  const all = isOn(values, "all");
  const store = await openStore(server);
  const found: TemporaryKey[] = [];
  const onScan = (scanned: number): void =>
    terminal.progress(`${count(scanned, "key")} looked at, ${found.length} found`);
  for await (const key of store.temporaryKeys({ onScan })) found.push(key);
  const listed = all ? found : found.filter(({ abandoned }) => abandoned);
  const removed = isOn(values, "delete") ? await remove(store, listed, terminal) : undefined;
  terminal.progress(undefined);
  if (isOn(values, "json")) terminal.print(JSON.stringify({ keys: listed, removed: removed ?? 0 }));
  else terminal.print(describeKeys(listed, found.length - listed.length, removed));
  return 0;
}

/** Makes the store. A wrong URL or token is a wrong command line; the messages never hold them. */
async function openStore(server: ServerAddress): Promise<Store> {
  // Imported on demand: `zstash dev` starts without the codec.
  const { createStore } = await import("../../store/index.ts");
  try {
    return createStore({ ...server, retry: { retries: 2 } });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new UsageError(`Cannot sweep: ${error.message}. See --url and --token in "zstash sweep --help"`);
  }
}

async function remove(store: Store, keys: readonly TemporaryKey[], terminal: Terminal): Promise<number> {
  let removed = 0;
  for (let at = 0; at < keys.length; at += DELETE_COUNT) {
    terminal.progress(`${at} of ${count(keys.length, "temporary key")} removed`);
    const names = keys.slice(at, at + DELETE_COUNT).map(({ key }) => key);
    removed += await store.removeTemporaryKeys(names);
  }
  return removed;
}

/** The same error with advice, and without the token, whatever the server says. */
function advised(error: unknown, token: string): unknown {
  if (!(error instanceof ZstashError)) return error;
  const advice = adviceFor(error);
  const message = `${error.message}${advice === undefined ? "" : `. ${advice}`}`;
  return error.with({
    message: token.length < TOKEN_MIN ? message : message.replaceAll(token, "[token]"),
    cause: undefined,
  });
}

function adviceFor({ code, status, message }: ZstashError): string | undefined {
  if (message.includes("NOPERM")) return `Use a token that may read and write: --token or ${TOKEN_VARIABLE}`;
  if (status === 401) return `Check --token or ${TOKEN_VARIABLE}`;
  if (status === 429) return "Try again later";
  if (status !== undefined || code === "TIMEOUT" || message.includes("reach the server")) {
    return `Check --url or ${URL_VARIABLE}, and that the server runs`;
  }
  return code === "REDIS" ? `Check that --url or ${URL_VARIABLE} is a Redis REST API` : undefined;
}

function describeKeys(keys: readonly TemporaryKey[], running: number, removed: number | undefined): string {
  const more = running === 0 ? [] : [`${count(running, "key")} of uploads that may be running: see --all`];
  if (keys.length === 0) return ["No temporary keys of uploads left behind", ...more].join("\n");
  const size = keys.reduce((sum, key) => sum + key.size, 0);
  const rows = keys.map((key) => [bytes(key.size), lifetime(key.ttl), stateOf(key), printable(key.key)]);
  const next = removed === undefined ? 'Add "--delete" to remove them' : removal(removed, keys.length);
  const head = `${count(keys.length, "temporary key")} of uploads, ${bytes(size)}`;
  return [head, "", table([["size", "expires in", "upload", "key"], ...rows]), "", ...more, next].join("\n");
}

function removal(removed: number, listed: number): string {
  const rest = listed === removed ? "" : `; ${listed - removed} had ended by then`;
  return `${count(removed, "temporary key")} removed${rest}`;
}

function stateOf({ abandoned }: TemporaryKey): string {
  return abandoned ? "left behind" : "may be running";
}

function lifetime(ttl: number): string {
  if (ttl < 0) return "never";
  return ttl < 120_000 ? `${Math.ceil(ttl / 1000)} s` : `${Math.round(ttl / 60_000)} min`;
}
