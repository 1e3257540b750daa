/** The rig of the tests of commands that work on a whole database: a server, its contents, and runs of the program. */
import { createDevServer, type DevServer, type DevServerOptions } from "../../../src/dev/index.ts";
import type { Terminal } from "../../../src/cli/command.ts";
import { runProgram } from "../../../src/cli/program.ts";

export const TOKEN = "the-secret-token";
export const READER = "the-reader-token";
export const long: boolean = process.env["ZSTASH_LONG"] === "1";

export type Command = readonly (string | number)[];

/** A string and when it expires, in milliseconds since 1970; −1 for never. */
export interface Kept {
  readonly bytes: Buffer;
  readonly expires: number;
}

export interface Rig {
  readonly server: DevServer;
  readonly url: string;
  /** `--url` and `--token`. */
  readonly here: readonly string[];
  send(...commands: readonly Command[]): Promise<unknown[]>;
  /** Sets a value that is bytes. */
  setBytes(key: string, bytes: Uint8Array): Promise<void>;
  bytesOf(key: string): Promise<Buffer>;
  /** All strings. */
  strings(): Promise<Map<string, Kept>>;
  close(): Promise<void>;
}

export async function startRig(options: DevServerOptions = {}): Promise<Rig> {
  const server = await createDevServer({ token: TOKEN, readOnlyToken: READER, ...options });
  const { url } = await server.listen();
  const headers = { authorization: `Bearer ${TOKEN}` };
  const pipeline = async (commands: readonly Command[], more: object): Promise<unknown[]> => {
    const init = { method: "POST", headers: { ...headers, ...more }, body: JSON.stringify(commands) };
    const replies = (await (await fetch(`${url}/pipeline`, init)).json()) as {
      result?: unknown;
      error?: string;
    }[];
    if (!Array.isArray(replies)) throw new Error(JSON.stringify(replies));
    return replies.map(({ result, error }) => (error === undefined ? result : new Error(error)));
  };
  const send = async (...commands: readonly Command[]): Promise<unknown[]> => pipeline(commands, {});
  const bytesOf = async (keys: readonly string[]): Promise<(Buffer | undefined)[]> =>
    (
      await pipeline(
        keys.map((key) => ["GET", key]),
        { "upstash-encoding": "base64" },
      )
    ).map((result) => (typeof result === "string" ? Buffer.from(result, "base64") : undefined));
  return {
    server,
    url,
    here: ["--url", url, "--token", TOKEN],
    send,
    async setBytes(key, bytes) {
      await fetch(`${url}/set/${encodeURIComponent(key)}`, {
        method: "POST",
        headers,
        body: bytes as Uint8Array<ArrayBuffer>,
      });
    },
    async bytesOf(key) {
      return (await bytesOf([key]))[0] ?? Buffer.from("no string");
    },
    async strings() {
      const all = new Map<string, Kept>();
      const [keys] = (await send(["KEYS", "*"])) as [string[]];
      for (let at = 0; at < keys.length; at += 500) {
        const some = keys.slice(at, at + 500);
        const values = await bytesOf(some);
        const expiries = await send(...some.map((key) => ["PEXPIRETIME", key]));
        for (const [index, key] of some.entries()) {
          const bytes = values[index];
          if (bytes !== undefined) all.set(key, { bytes, expires: Number(expiries[index]) });
        }
      }
      return all;
    },
    close: () => server.close(),
  };
}

export interface Ran {
  readonly code: number;
  readonly output: string;
  readonly errors: string;
  /** What a terminal has shown as progress. */
  readonly progress: readonly string[];
}

/** Runs the program in this process. `stop` ends it as Ctrl-C does. */
export async function run(
  args: readonly string[],
  stop: Promise<void> = new Promise(() => undefined),
): Promise<Ran> {
  const [output, errors, progress]: [string[], string[], string[]] = [[], [], []];
  const terminal: Terminal = {
    columns: 80,
    errorColumns: 80,
    colours: false,
    print: (text) => output.push(`${text}\n`),
    complain: (text) => errors.push(`${text}\n`),
    log: (line) => errors.push(`${line}\n`),
    progress: (text) => text !== undefined && progress.push(text),
    untilStopped: () => stop,
  };
  const code = await runProgram(args, "1", terminal);
  return { code, output: output.join(""), errors: errors.join(""), progress };
}

/** What `zstash migrate --json` prints. */
export interface MigrateJson {
  readonly applied: boolean;
  readonly complete: boolean;
  readonly restarted: boolean;
  readonly method: string | null;
  readonly keys: number;
  readonly hashes: number;
  readonly fields: number;
  readonly written: Readonly<Record<string, number>>;
  readonly left: Readonly<Record<string, number>>;
  readonly types: Readonly<Record<string, number>>;
  readonly failed: Readonly<Record<string, number>>;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}

/** Runs `zstash migrate --json` as fast as it goes. */
export async function migrate(
  rig: Rig,
  ...args: readonly string[]
): Promise<MigrateJson & { readonly code: number }> {
  const { code, output, errors } = await run(["migrate", ...rig.here, "--json", "--rate", "0", ...args]);
  if (output === "") throw new Error(`exit code ${code}: ${errors}`);
  return { code, ...(JSON.parse(output) as MigrateJson) };
}
