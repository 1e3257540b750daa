/**
 * Where `zstash get` writes to: a file that appears whole or not at all, or standard output, which shows no binary
 * bytes on a terminal.
 */
import { randomBytes } from "node:crypto";
import { chmod, link, open, realpath, rename, stat, unlink } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Failure } from "./command.ts";
import type { StandardStreams } from "./standard-streams.ts";

/** A place for the bytes of a value. */
export interface Output {
  /** Resolves to false if nobody reads on. */
  write(bytes: Uint8Array): Promise<boolean>;
  /** Makes the written file appear. */
  commit(): Promise<void>;
  /** Removes what was written, as far as that is possible. After `commit` it does nothing. */
  abandon(): Promise<void>;
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such folder",
  EACCES: "no permission",
  EPERM: "no permission",
  EISDIR: "it is a folder",
  ENOTDIR: "a part of its path is no folder",
  ENOSPC: "no space is left",
  EROFS: "it can only be read",
  ENAMETOOLONG: "its name is too long",
};

/** Explains a failure of a file in words. */
export function fileReason(error: unknown): string {
  const { code = "unknown" } = error as NodeJS.ErrnoException;
  return REASONS[code] ?? code;
}

function cannotWrite(path: string, error: unknown): unknown {
  if (error instanceof Failure || (error as NodeJS.ErrnoException).code === undefined) return error;
  return new Failure(`Cannot write ${path}: ${fileReason(error)}. Nothing was changed there`);
}

/** Opens standard output. On a terminal, bytes that it cannot show are refused, as curl does, unless `force` is set. */
export function openStandardOutput(bytes: StandardStreams, key: string, force: boolean): Output {
  const guard = bytes.outputIsTerminal && !force ? new TerminalGuard(key) : undefined;
  return {
    write(chunk) {
      guard?.check(chunk);
      return bytes.write(chunk);
    },
    commit: async () => guard?.end(),
    abandon: () => Promise.resolve(),
  };
}

/** Throws at the first bytes that are not text, or that would control the terminal. */
export class TerminalGuard {
  readonly #decoder = new TextDecoder("utf-8", { fatal: true });
  readonly #key: string;

  constructor(key: string) {
    this.#key = key;
  }

  check(chunk: Uint8Array): void {
    this.#decode(chunk, true);
  }

  end(): void {
    this.#decode(new Uint8Array(0), false);
  }

  #decode(chunk: Uint8Array, stream: boolean): void {
    let text: string | undefined;
    try {
      text = this.#decoder.decode(chunk, { stream });
    } catch {}
    if (text !== undefined && !/[^\P{Cc}\t\n\r]/u.test(text)) return;
    throw new Failure(
      `The value of ${JSON.stringify(this.#key)} is binary, and may upset the terminal. Give a FILE to keep it, or "-" as FILE to print it all the same`,
    );
  }
}

/** Refuses a file that exists already, before anything is read. */
export async function requireFree(path: string, force: boolean): Promise<void> {
  if (path === "") throw new Failure("Cannot write to a file without a name");
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory() === true) throw new Failure(`Cannot write ${path}: it is a folder`);
  if (found?.isFile() === true && !force) throw exists(path);
}

function exists(path: string): Failure {
  return new Failure(`Cannot write ${path}: it is there already. --force replaces it`);
}

/**
 * A file that is written under another name in the same folder, and renamed when it is whole. Anything that is not a
 * regular file, such as /dev/null or a named pipe, is written to directly.
 */
export async function openFile(path: string, force: boolean): Promise<Output> {
  await requireFree(path, force);
  try {
    const found = await stat(path).catch(() => undefined);
    if (found !== undefined && !found.isFile()) return directOutput(path, await open(path, "w"));
    // A symbolic link stays, and its target is replaced.
    const place = found === undefined ? path : await realpath(path);
    const temporary = join(
      dirname(place),
      `.${basename(place).slice(0, 200)}.${randomBytes(6).toString("hex")}.part`,
    );
    const file = await open(temporary, "wx");
    if (found !== undefined) await chmod(temporary, found.mode).catch(() => undefined);
    return fileOutput({ path: place, temporary, force }, file);
  } catch (error) {
    throw cannotWrite(path, error);
  }
}

interface Place {
  readonly path: string;
  readonly temporary: string;
  readonly force: boolean;
}

function fileOutput({ path, temporary, force }: Place, file: FileHandle): Output {
  let ended = false;
  return {
    async write(bytes) {
      try {
        await writeAll(file, bytes);
        return true;
      } catch (error) {
        throw cannotWrite(path, error);
      }
    },
    async commit() {
      try {
        await file.sync();
        await file.close();
        await (force ? rename(temporary, path) : appear(temporary, path));
        ended = true;
      } catch (error) {
        throw cannotWrite(path, error);
      }
    },
    async abandon() {
      if (ended) return;
      ended = true;
      await file.close().catch(() => undefined);
      await unlink(temporary).catch(() => undefined);
    },
  };
}

/**
 * Gives a file its name, unless another file has taken it meanwhile. On file systems without links that is checked
 * first instead.
 */
async function appear(temporary: string, path: string): Promise<void> {
  try {
    await link(temporary, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") throw exists(path);
    await requireFree(path, false);
    return rename(temporary, path);
  }
  await unlink(temporary).catch(() => undefined);
}

function directOutput(path: string, file: FileHandle): Output {
  return {
    async write(bytes) {
      try {
        await writeAll(file, bytes);
        return true;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "EPIPE") return false;
        throw cannotWrite(path, error);
      }
    },
    commit: () => file.close(),
    abandon: () => file.close().catch(() => undefined),
  };
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += (await file.write(bytes, at)).bytesWritten;
}
