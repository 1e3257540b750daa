/** Writes the file of a dictionary: whole or not at all, and over an existing file only if told to. */
import { existsSync } from "node:fs";
import { access, constants, link, realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { Failure } from "../command.ts";
import { printable } from "../text.ts";

/** Checked before the work: it would be lost if the file could not be written in the end. */
export async function requireWritable(path: string, force: boolean): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  const folder = dirname(path);
  if (found === undefined) {
    const isWritable = await access(folder, constants.W_OK).then(
      () => true,
      () => false,
    );
    if (!isWritable) throw refused(path, `${printable(folder)} is no folder that can be written to`);
  } else if (!found.isFile()) throw refused(path, "it is there, and no file");
  else if (!force) throw existing(path);
}

/** Writes the bytes under another name first, so that an interruption leaves the old file. */
export async function writeWhole(path: string, bytes: Uint8Array, force: boolean): Promise<void> {
  const target = force ? await realpath(path).catch(() => path) : path;
  const temporary = `${target}.${process.pid}.tmp`;
  try {
    await writeFile(temporary, bytes, { flag: "wx" });
    if (force) await rename(temporary, target);
    // A link fails if somebody has written the file meanwhile; some file systems have no links.
    else await link(temporary, target).catch((error) => renameUnlessThere(error, temporary, target));
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw refused(path, (error as NodeJS.ErrnoException).code ?? (error as Error).message);
  } finally {
    await rm(temporary, { force: true });
  }
}

async function renameUnlessThere(error: unknown, from: string, to: string): Promise<void> {
  if (existsSync(to) || (error as NodeJS.ErrnoException).code === "EEXIST") throw existing(to);
  await rename(from, to);
}

const existing = (path: string): Failure =>
  refused(path, "it is there already. Choose another name, or add --force to replace it");

const refused = (path: string, reason: string): Failure =>
  new Failure(`Cannot write ${printable(path)}: ${reason}`);
