/** The program `zstash` against local servers with an owner's and a reader's token, and sessions to train on. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach } from "vitest";
import { createDevServer, type DevServer } from "../../../src/dev/index.ts";
import { sessionRecords } from "../../conformance/records.ts";
import type { Backend } from "../../support/backends.ts";
import { useProgram, type Ended, type Followed } from "../../support/cli-program.ts";
import { runInTerminal, runPiped, start, type RunWith } from "../../support/cli-run.ts";

export const TOKEN = "the-secret-token";
export const READER = "the-reader-token";

/** Redis' commands in one request, and their results. */
export type Send = (...commands: readonly (readonly (string | number)[])[]) => Promise<unknown[]>;

export interface CliRig {
  readonly url: string;
  /** Variables of the environment that name the server and its owner's token. */
  readonly env: NodeJS.ProcessEnv;
  readonly send: Send;
}

/** The program, and a folder that lives as long as the tests of the file. */
export interface Cli {
  readonly folder: string;
  program(): string;
  run(args: readonly string[], more?: RunWith): Promise<Ended>;
  start(args: readonly string[], more?: RunWith): Followed;
  terminal(args: readonly string[], more?: RunWith): Promise<Ended>;
}

export function useCli(): Cli {
  const program = useProgram();
  const folder = mkdtempSync(join(tmpdir(), "zstash-dictionaries-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return {
    folder,
    program,
    run: (args, more) => runPiped(program(), args, more),
    start: (args, more) => start(program(), args, more),
    terminal: (args, more) => runInTerminal(program(), args, more),
  };
}

/** Starts a server for the enclosing describe block, and empties it before each test. */
export function useServer(options: { backend?: Backend; redis?: () => string }): () => CliRig {
  let server: DevServer | undefined;
  let rig: CliRig | undefined;
  beforeAll(async () => {
    const { backend, redis } = options;
    server = await createDevServer({ backend, redis: redis?.(), token: TOKEN, readOnlyToken: READER });
    const { url } = await server.listen();
    rig = { url, env: environmentOf(url, TOKEN), send: senderTo(url) };
  });
  beforeEach(() => rig!.send(["FLUSHALL"]));
  afterAll(() => server?.close());
  return () => rig!;
}

export const environmentOf = (url: string, token: string): NodeJS.ProcessEnv => ({
  UPSTASH_REDIS_REST_URL: url,
  UPSTASH_REDIS_REST_TOKEN: token,
});

export function senderTo(url: string): Send {
  return async (...commands) => {
    const response = await fetch(`${url}/pipeline`, {
      method: "POST",
      headers: { authorization: `Bearer ${TOKEN}` },
      body: JSON.stringify(commands),
    });
    const replies = (await response.json()) as { result?: unknown; error?: string }[];
    return replies.map(({ result, error }) => (error === undefined ? result : new Error(error)));
  };
}

/** Stores sessions as they are, a key each. */
export async function storeSessions(send: Send, count: number, prefix = "session:"): Promise<string[]> {
  const records = sessionRecords(count);
  for (let at = 0; at < count; at += 1000) {
    const part = records.slice(at, at + 1000);
    await send(...part.map((record, index) => ["SET", `${prefix}${at + index}`, record]));
  }
  return records;
}

/** What the program prints with --json. */
export const jsonOf = <Result>({ output, errors, code }: Ended): Result => {
  if (!output.startsWith("{")) throw new Error(`no JSON but ${code}: ${output}${errors}`);
  return JSON.parse(output) as Result;
};

/** What `zstash train --json` prints, as far as tests look at it. */
export interface Trained {
  readonly id: number;
  readonly size: number;
  readonly sources: {
    readonly offered: number;
    readonly chosen?: number;
    readonly taken: number;
    readonly left?: Readonly<Record<string, number>>;
  };
  readonly report: { readonly gain: number; readonly samples: number; readonly count: number };
  readonly out: string | null;
  readonly published: { readonly id: number; readonly share: number } | null;
  readonly text?: readonly string[];
}
