/**
 * Keeps the embedded keyspace in a file: loads it at the start, and writes it completely and atomically after
 * changes.
 */
import { constants } from "node:fs";
import { access, lstat, open, readFile, realpath, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { ZstashError } from "../errors.ts";
import { isReadCommand } from "../rest/repeatable.ts";
import { now } from "../timers.ts";
import { commandName } from "./backend.ts";
import type { Backend, CommandBytes } from "./backend.ts";
import type { EmbeddedBackend } from "./embedded/index.ts";
import { readFileOf, writeFileOf } from "./persist-format.ts";

/** Milliseconds from a change until the file is written: changes in quick succession are written together. */
const SETTLE_MS = 1_000;
/**
 * For a large keyspace that time is this many times as long as the last write took, so that the server does not only
 * write.
 */
const PAUSE_FACTOR = 10;
/** Milliseconds from a failure until the next attempt. */
const RETRY_MS = 5_000;
/** Only the owner may read the file. */
const MODE = 0o600;

/** What may have gone wrong, by the system's error code, and what to do. */
const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full. Free some space",
  EDQUOT: "the quota is used up. Free some space",
  EFBIG: "the file would be larger than is allowed here. Raise the limit (ulimit -f)",
  EACCES: "no permission. Choose a file in a folder of yours",
  EPERM: "no permission. Choose a file in a folder of yours",
  EROFS: "the file system is read-only. Choose a file elsewhere",
  ENOENT: "there is no such folder. Create it first",
  ENOTDIR: "a part of the path is not a folder. Choose a file elsewhere",
  EISDIR: "it is a folder. Name a file in it",
};

/** A backend whose keyspace is kept in a file, and whether the file existed. */
export interface Persisted {
  readonly backend: Backend;
  readonly loaded: boolean;
}

export type Report = (error: ZstashError | undefined) => void;

/**
 * Loads the file, if there is one, into an empty keyspace, and keeps it up to date from then on.
 *
 * @throws {ZstashError} CORRUPT or UNSUPPORTED for a file that cannot be loaded, which stays as it is; REDIS if the
 * system does not allow reading or writing it
 */
export async function persist(inner: EmbeddedBackend, path: string, report: Report): Promise<Persisted> {
  const file = await locate(path);
  const loaded = await load(inner, file, path);
  const keeper = new Keeper(inner, file, path, report);
  await keeper.note();
  const note = (command: CommandBytes): void => {
    if (!isReadCommand(commandName(command))) keeper.change();
  };
  const backend: Backend = {
    ...inner,
    description: `embedded keyspace, kept in ${path}, no Lua`,
    execute(command) {
      note(command);
      return inner.execute(command);
    },
    pipeline(commands, caller) {
      commands.forEach(note);
      return inner.pipeline(commands, caller);
    },
    transaction(commands, caller) {
      commands.forEach(note);
      return inner.transaction(commands, caller);
    },
    async close() {
      try {
        await keeper.close();
      } finally {
        await inner.close();
      }
    },
  };
  return { backend, loaded };
}

/**
 * Finds the file itself if the path is a symbolic link, because the rename would replace the link. Its folder must
 * exist and be writable.
 */
async function locate(path: string): Promise<string> {
  const absolute = resolve(path);
  try {
    const file = await realpath(absolute).catch(async (error: NodeJS.ErrnoException) => {
      // A dangling link does not count as a file that does not exist yet.
      if (error.code !== "ENOENT" || (await lstat(absolute).catch(() => undefined)) !== undefined)
        throw error;
      return join(await realpath(dirname(absolute)), basename(absolute));
    });
    await access(dirname(file), constants.W_OK);
    return file;
  } catch (error) {
    throw failure("keep the keyspace in", path, error);
  }
}

async function load(inner: EmbeddedBackend, file: string, path: string): Promise<boolean> {
  let bytes: Uint8Array;
  try {
    // Reading a pipe or a device would wait forever.
    const facts = await stat(file);
    if (!facts.isFile() && !facts.isDirectory()) {
      const reason = "it is no plain file. Name another one";
      throw new ZstashError("UNSUPPORTED", `Cannot load ${path}: ${reason}`);
    }
    bytes = await readFile(file);
  } catch (error) {
    if (error instanceof ZstashError) throw error;
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw failure("load", path, error);
  }
  try {
    for (const { line, command } of readFileOf(bytes)) {
      const reply = await inner.execute(command);
      if (reply.kind === "error")
        throw new ZstashError("CORRUPT", `line ${line}, ${commandName(command)}: ${reply.text}`);
    }
  } catch (error) {
    if (!(error instanceof ZstashError)) throw error;
    const advice = "It stays as it is: move it away, or name another file";
    throw error.with({ message: `Cannot load ${path}: ${error.message}. ${advice}` });
  }
  return true;
}

/** Writes the file when the keyspace has changed. */
class Keeper {
  readonly #inner: EmbeddedBackend;
  readonly #file: string;
  readonly #path: string;
  readonly #report: Report;
  #changes = 0;
  #written = 0;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  #failed: string | undefined;
  /** Milliseconds from a change until it is written. */
  #settle: number = SETTLE_MS;
  #closed = false;
  /** The identity of the file that this server has last read or written; undefined if there was none. */
  #known: string | undefined;

  constructor(inner: EmbeddedBackend, file: string, path: string, report: Report) {
    this.#inner = inner;
    this.#file = file;
    this.#path = path;
    this.#report = report;
  }

  change(): void {
    this.#changes++;
    this.#arm();
  }

  /** Remembers the file's identity, to notice if another program writes it. */
  async note(): Promise<void> {
    this.#known = await identify(this.#file);
  }

  /** Writes pending changes. Rejects if that fails. May be called twice. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#writing?.catch(() => undefined);
    if (this.#changes !== this.#written) await this.#write();
  }

  #arm(): void {
    if (this.#timer !== undefined || this.#writing !== undefined || this.#closed) return;
    const isRetry = this.#failed !== undefined;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#writing = this.#attempt().finally(() => {
          this.#writing = undefined;
          if (this.#changes !== this.#written) this.#arm();
        });
      },
      isRetry ? RETRY_MS : this.#settle,
    );
    // A pending retry must not keep a process alive that has nothing else to do.
    if (isRetry) this.#timer.unref();
  }

  async #attempt(): Promise<void> {
    try {
      await this.#write();
      if (this.#failed !== undefined) this.#report(undefined);
      this.#failed = undefined;
    } catch (error) {
      if (!(error instanceof ZstashError)) throw error;
      // The same failure is reported once.
      if (this.#failed !== error.message) this.#report(error);
      this.#failed = error.message;
    }
  }

  async #write(): Promise<void> {
    const changes = this.#changes;
    const start = now();
    const commands = this.#inner.snapshot();
    try {
      const known = await identify(this.#file);
      if (known !== this.#known && known !== undefined)
        throw new Error("another program has written it since");
      await replace(this.#file, writeFileOf(commands));
      await this.note();
    } catch (error) {
      throw failure("write", this.#path, error);
    }
    this.#written = changes;
    this.#settle = Math.max(SETTLE_MS, PAUSE_FACTOR * (now() - start));
  }
}

/** Replaces a file by renaming another one, so that at any time it is the old one or the new one. */
async function replace(file: string, chunks: Iterable<Uint8Array>): Promise<void> {
  const temporary = `${file}.tmp`;
  // A killed server may have left one.
  await rm(temporary, { force: true });
  try {
    const handle = await open(temporary, "wx", MODE);
    try {
      for (const chunk of chunks) await handle.writeFile(chunk);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
  await syncFolder(dirname(file));
}

/** The file's new name reaches the disk with its folder, on systems that can sync a folder. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r").catch(() => undefined);
  try {
    await handle?.sync().catch(() => undefined);
  } finally {
    await handle?.close();
  }
}

/** The facts that change when a file is replaced or changed; undefined if there is none. */
async function identify(file: string): Promise<string | undefined> {
  try {
    const { ino, size, mtimeNs } = await stat(file, { bigint: true });
    return `${ino} ${size} ${mtimeNs}`;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function failure(what: string, path: string, cause: unknown): ZstashError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const reason = (code === undefined ? message : REASONS[code]) ?? code;
  return new ZstashError("REDIS", `Cannot ${what} ${path}: ${reason}`, { cause });
}
