/**
 * Native zstd 1.5.7 as an oracle: the zlib of Node 24 in a long-lived child process, spoken to over its stdin and
 * stdout, so that tests on any Node compare with it at tens of thousands of calls a second.
 */
import { spawn } from "node:child_process";
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll } from "vitest";
import { requireOrSkip } from "./require-or-skip.ts";

/** The version whose bytes and verdicts ours must equal. */
const ORACLE_VERSION = "1.5.7";

export interface NativeCompressOptions {
  /** Default: true. */
  checksum?: boolean;
  /** Further parameters by their name in zstd.h, for example `{ ZSTD_c_windowLog: 17 }`. */
  parameters?: Readonly<Record<string, number>>;
}

export interface NativeDecompressOptions {
  /** Bytes; default 256 MiB. Beyond it the code is ERR_BUFFER_TOO_LARGE. */
  maxOutput?: number;
  /** Default: 31, the largest. */
  windowLogMax?: number;
  /** Default: "all", to the exact end of the input. "first" stops after one frame, as node:zlib does. */
  frames?: "all" | "first";
}

/** What native zstd made of some bytes: its output, or zstd's own error code such as "ZSTD_error_checksum_wrong". */
export type NativeVerdict =
  | { readonly ok: true; readonly bytes: Uint8Array; /** Input bytes. */ readonly consumed: number }
  | { readonly ok: false; readonly code: string; readonly message: string };

export interface NativeZstd {
  readonly version: { readonly node: string; readonly zstd: string };
  /** One frame, made in a single pass with the content size in its header. */
  compress(data: Uint8Array, level: number, options?: NativeCompressOptions): Promise<Uint8Array>;
  decompress(data: Uint8Array, options?: NativeDecompressOptions): Promise<NativeVerdict>;
  /** Ends the child; calls that still wait are rejected. */
  close(): Promise<void>;
}

interface Reply {
  readonly code?: string;
  readonly message?: string;
  readonly consumed?: number;
  readonly payload: Uint8Array;
}

interface Waiter {
  resolve(reply: Reply): void;
  reject(error: Error): void;
}

const PREFIX = 8;

/** The Node with the right zstd: that of test/runtimes, else the running one if it is good enough. */
export function nativePath(): string | undefined {
  const installed = fileURLToPath(new URL("../runtimes/node_modules/node24/bin/node", import.meta.url));
  if (existsSync(installed)) return installed;
  return process.versions["zstd"] === ORACLE_VERSION ? process.execPath : undefined;
}

/** Whether comparisons with native zstd can run here; see requireOrSkip. */
export function nativeAvailable(): boolean {
  return requireOrSkip(
    `native zstd ${ORACLE_VERSION}`,
    nativePath() !== undefined,
    "npm ci --prefix test/runtimes brings Node 24",
  );
}

/**
 * Starts the oracle before the tests of the enclosing file or describe block, and ends it after them.
 *
 * @example
 * const native = useNative();
 * test("…", async () => expect(zstd.compress(data)).toEqual(await native().compress(data, 1)));
 */
export function useNative(): () => NativeZstd {
  let native: NativeZstd | undefined;
  beforeAll(async () => {
    native = await startNative();
  });
  afterAll(() => native?.close());
  return () => {
    if (native === undefined) throw new Error("Cannot use native zstd: the tests have not begun");
    return native;
  };
}

/** Starts the child. It ends with `close`, and with this process, whose end closes its stdin. */
export async function startNative(): Promise<NativeZstd> {
  const path = nativePath();
  if (path === undefined) throw new Error("Cannot start native zstd: no Node with it is installed");
  const script = fileURLToPath(new URL("./native-child.mjs", import.meta.url));
  const child = spawn(path, [script], { stdio: "pipe", env: {} });
  const { ask, closed } = converse(child);
  const { payload } = await ask({ operation: "version" });
  const version = JSON.parse(new TextDecoder().decode(payload)) as NativeZstd["version"];
  if (version.zstd !== ORACLE_VERSION) {
    child.kill();
    throw new Error(`Cannot compare with native zstd: need ${ORACLE_VERSION}, got ${version.zstd}`);
  }
  return {
    version,
    async compress(data, level, { checksum = true, parameters = {} } = {}) {
      const reply = await ask({ operation: "compress", level, checksum, parameters }, data);
      if (reply.code !== undefined) {
        throw new Error(`Cannot compress natively: ${reply.message}, got ${reply.code}`);
      }
      return reply.payload;
    },
    async decompress(data, { maxOutput = 256 << 20, windowLogMax = 31, frames = "all" } = {}) {
      const {
        code,
        message = "",
        consumed = 0,
        payload,
      } = await ask({ operation: "decompress", maxOutput, windowLogMax, frames }, data);
      return code === undefined ? { ok: true, bytes: payload, consumed } : { ok: false, code, message };
    },
    async close() {
      child.stdin.end();
      await closed;
    },
  };
}

/** Requests and replies in order over the child's pipes; when it ends, whoever waits is told its last words. */
function converse(child: ChildProcessWithoutNullStreams): {
  ask(header: object, payload?: Uint8Array): Promise<Reply>;
  closed: Promise<void>;
} {
  const waiters: Waiter[] = [];
  let ended: Error | undefined;
  let lastWords = "";
  const fail = (reason: string): void => {
    ended ??= new Error(`Cannot ask native zstd: ${reason}\n${lastWords}`);
    for (const waiter of waiters.splice(0)) waiter.reject(ended);
  };
  child.stderr.on("data", (text: Buffer) => {
    lastWords = (lastWords + text.toString()).slice(-4096);
  });
  child.stdin.on("error", (error) => fail(error.message));
  child.once("error", (error) => fail(error.message));
  const closed = new Promise<void>((resolve) => {
    child.once("close", (code, signal) => {
      fail(`its process ended with ${signal ?? code}`);
      resolve();
    });
  });
  child.stdout.on(
    "data",
    messages((header, payload) => waiters.shift()?.resolve({ ...header, payload })),
  );
  return {
    closed,
    ask(header, payload = new Uint8Array(0)) {
      if (ended !== undefined) return Promise.reject(ended);
      const head = new TextEncoder().encode(JSON.stringify(header));
      const prefix = Buffer.alloc(PREFIX);
      prefix.writeUInt32LE(head.length, 0);
      prefix.writeUInt32LE(payload.length, 4);
      return new Promise((resolve, reject) => {
        waiters.push({ resolve, reject });
        child.stdin.write(Buffer.concat([prefix, head, payload]));
      });
    },
  };
}

/** Cuts what a pipe delivers into messages. Payloads are copies: they outlive the pipe's buffers. */
function messages(
  deliver: (header: Omit<Reply, "payload">, payload: Uint8Array) => void,
): (chunk: Buffer) => void {
  let parts: Buffer[] = [];
  let held = 0;
  let wanted = PREFIX;
  return (chunk) => {
    parts.push(chunk);
    held += chunk.length;
    if (held < wanted) return;
    let rest = Buffer.concat(parts);
    for (;;) {
      wanted = rest.length < PREFIX ? PREFIX : PREFIX + rest.readUInt32LE(0) + rest.readUInt32LE(4);
      if (rest.length < wanted) break;
      const bodyStart = PREFIX + rest.readUInt32LE(0);
      const header = JSON.parse(rest.subarray(PREFIX, bodyStart).toString()) as Omit<Reply, "payload">;
      deliver(header, new Uint8Array(rest.subarray(bodyStart, wanted)));
      rest = rest.subarray(wanted);
    }
    parts = [rest];
    held = rest.length;
  };
}
