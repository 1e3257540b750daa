/** The rig of the command line's tests: the bundled program against a real local server, and the bytes that lie in Redis. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { afterAll, beforeAll } from "vitest";
import { createDevServer } from "../../../src/dev/index.ts";
import type { DevServer, DevServerOptions } from "../../../src/dev/index.ts";
import { useProgram } from "../../support/cli-program.ts";

export const TOKEN = "token-of-the-tests";
export const READER = "reader-of-the-tests";

/** How a run ended, and what it printed; the output as bytes. */
export interface Run {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: Buffer;
  readonly errors: string;
}

/** What a run is given besides its arguments. */
export interface RunOptions {
  readonly input?: Uint8Array | string | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
}

/** The program in a folder of its own, with a server in the environment. */
export interface Cli {
  readonly folder: string;
  readonly path: string;
  /** Starts it; its streams are pipes. */
  start(args: readonly string[], env?: Readonly<Record<string, string>>): ChildProcess;
  run(args: readonly string[], options?: RunOptions): Promise<Run>;
  /** Runs a line of a shell in which `zstash` is the program. */
  shell(line: string, options?: RunOptions): Promise<Run>;
}

/** The end of a process and all that it has printed. */
export function ended(child: ChildProcess): Promise<Run> {
  const chunks: Buffer[] = [];
  let errors = "";
  child.stdout?.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.stderr?.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ code, signal, output: Buffer.concat(chunks), errors }));
  });
}

/** The lines that a terminal shows of an output: without colours, and without what progress lines showed before. */
export function linesShown(output: Buffer): string[] {
  const lines = stripVTControlCharacters(output.toString()).split(/\r?\n/);
  return lines.map((line) => line.split("\r").at(-1)!);
}

/** A server for a test file. */
export interface Served {
  readonly url: string;
  readonly server: DevServer;
  /** Runs a command whose result is JSON. */
  command(...command: readonly (string | number)[]): Promise<unknown>;
  /** The bytes of a string. */
  bytes(key: string): Promise<Buffer>;
  /** Sets a string to bytes. */
  setBytes(key: string, bytes: Uint8Array): Promise<void>;
}

/** Starts a server; the caller ends it. */
export async function serve(options: DevServerOptions): Promise<Served> {
  const server = await createDevServer({ token: TOKEN, readOnlyToken: READER, ...options });
  const { url } = await server.listen({ port: 0, host: "127.0.0.1" });
  const post = async (
    path: string,
    body: BodyInit,
    headers: Record<string, string> = {},
  ): Promise<unknown> => {
    const response = await fetch(url + path, {
      method: "POST",
      body,
      headers: { authorization: `Bearer ${TOKEN}`, ...headers },
    });
    return ((await response.json()) as { result?: unknown }).result;
  };
  return {
    url,
    server,
    command: (...command) => post("", JSON.stringify(command)),
    async bytes(key) {
      const body = JSON.stringify(["GET", key]);
      return Buffer.from((await post("", body, { "upstash-encoding": "base64" })) as string, "base64");
    },
    async setBytes(key, bytes) {
      await post(`/set/${encodeURIComponent(key)}`, bytes as Uint8Array<ArrayBuffer>);
    },
  };
}

/** Starts a server before the tests of the enclosing block and ends it after them. */
export function useServer(options: DevServerOptions): () => Served {
  let served: Served | undefined;
  beforeAll(async () => {
    served = await serve(options);
  });
  afterAll(() => served?.server.close());
  return () => served!;
}

/** Bundles the program before the tests of the enclosing file. */
export function useCli(served: () => Served): () => Cli {
  const program = useProgram();
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "zstash-cli-test-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
  return () => {
    const environment = (env: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv => ({
      PATH: process.env["PATH"],
      UPSTASH_REDIS_REST_URL: served().url,
      UPSTASH_REDIS_REST_TOKEN: TOKEN,
      ...env,
    });
    const start: Cli["start"] = (args, env) =>
      spawn(process.execPath, [program(), ...args], { cwd: folder, env: environment(env) });
    const give = (child: ChildProcess, { input }: RunOptions): Promise<Run> => {
      // A program that ends before it has read its input closes the pipe.
      child.stdin!.on("error", () => undefined);
      child.stdin!.end(input);
      return ended(child);
    };
    return {
      folder,
      path: program(),
      start,
      run: (args, options = {}) => give(start(args, options.env), options),
      shell(line, options = {}) {
        const define = `zstash() { "${process.execPath}" "${program()}" "$@"; }; `;
        const child = spawn("bash", ["--norc", "-c", define + line], {
          cwd: folder,
          env: environment(options.env),
        });
        return give(child, options);
      },
    };
  };
}
