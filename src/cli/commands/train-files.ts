/** The samples of `zstash train` from files: each file is a sample, or each line of an NDJSON file. */
import { createReadStream, type Dirent } from "node:fs";
import { open, readdir, stat } from "node:fs/promises";
import { utf8Lossy } from "../../text.ts";
import { SAMPLE_SIZE_MAX } from "../../train/samples.ts";
import { Failure } from "../command.ts";
import { mixed, RandomSample, type SampleBounds } from "../random-sample.ts";
import type { ShowProgress } from "../progress-bar.ts";
import { bytes, count, printable } from "../text.ts";

/** Where samples come from: files and folders, and NDJSON files. "-" is the standard input. */
export interface FileSources {
  readonly paths: readonly string[];
  readonly ndjson: readonly string[];
}

/** The samples, and how many there were to choose from. */
export interface FileSamples {
  readonly samples: readonly Uint8Array[];
  readonly offered: number;
}

/** A sample and its position in the training order. */
interface Placed {
  readonly place: number;
  readonly bytes: Uint8Array;
}

const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;

/**
 * Reads all samples, in the order of the command line and of the files, or a random part of them if they exceed the
 * bounds. The same files give the same samples.
 *
 * @throws {Failure} for what cannot be read
 */
export async function readFileSamples(
  { paths, ndjson }: FileSources,
  bounds: SampleBounds,
  show: ShowProgress,
): Promise<FileSamples> {
  const chosen = new RandomSample<Placed>(bounds);
  const files = await listFiles(paths);
  // It is decided before reading which files are read: a folder may have millions.
  const read = new RandomSample<{ place: number; path: string }>({ count: bounds.count, size: Infinity });
  for (const [place, path] of files.entries()) read.offer(mixed(place), 0, () => ({ place, path }));
  const toRead = read.items().sort((a, b) => a.place - b.place);
  for (const [index, { place, path }] of toRead.entries()) {
    show(`${index} of ${count(toRead.length, "file")} read`, index, toRead.length);
    const head = await readHead(path);
    if (head.length > 0) chosen.offer(mixed(place), head.length, () => ({ place, bytes: head }));
  }
  let place = files.length;
  let empty = toRead.length - chosen.offered;
  for (const path of ndjson) {
    for await (const line of readLines(path, show)) {
      const at = place++;
      // The trainer looks at no more of it.
      const sample = line.subarray(0, SAMPLE_SIZE_MAX);
      if (sample.length === 0) empty += 1;
      else chosen.offer(mixed(at), sample.length, () => ({ place: at, bytes: new Uint8Array(sample) }));
    }
  }
  const samples = chosen.items().sort((a, b) => a.place - b.place);
  return { samples: samples.map((one) => one.bytes), offered: place - empty };
}

/** The keys that a file names, one in each line. */
export async function* readNames(path: string, show: ShowProgress): AsyncGenerator<string, void, undefined> {
  for await (const line of readLines(path, show)) yield utf8Lossy(line);
}

/** The files that paths name: files, and all files of folders and their subfolders, by name. */
async function listFiles(paths: readonly string[]): Promise<string[]> {
  const files: string[] = [];
  for (const path of paths) {
    const found = await failing(path, () => stat(path));
    if (found.isDirectory()) await listFolder(path, files);
    else files.push(path);
  }
  return files;
}

async function listFolder(folder: string, files: string[]): Promise<void> {
  const entries = await failing(folder, () => readdir(folder, { withFileTypes: true }));
  for (const entry of entries.sort(byName)) {
    const path = `${folder.replace(/[/\\]$/, "")}/${entry.name}`;
    // Links to folders may lead in circles; pipes and sockets may never end.
    if (entry.isDirectory()) await listFolder(path, files);
    else if (entry.isFile() || (entry.isSymbolicLink() && (await isFile(path)))) files.push(path);
  }
}

const byName = (a: Dirent, b: Dirent): number => (a.name < b.name ? -1 : 1);

async function isFile(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() === true;
}

/** Reads the first bytes of a file, as many as the trainer looks at. */
async function readHead(path: string): Promise<Uint8Array> {
  return failing(path, async () => {
    const file = await open(path);
    try {
      const buffer = new Uint8Array(SAMPLE_SIZE_MAX);
      let size = 0;
      for (;;) {
        const { bytesRead } = await file.read(buffer, size, buffer.length - size);
        size += bytesRead;
        if (bytesRead === 0 || size === buffer.length) return buffer.slice(0, size);
      }
    } finally {
      await file.close();
    }
  });
}

/**
 * The lines of a file or of the standard input, without their line ends; of a longer line as much as the trainer
 * looks at.
 */
async function* readLines(path: string, show: ShowProgress): AsyncGenerator<Uint8Array, void, undefined> {
  const isInput = path === "-";
  const name = isInput ? "the standard input" : printable(path);
  const total = isInput ? undefined : (await failing(path, () => stat(path))).size;
  const source: AsyncIterable<Buffer> = isInput ? process.stdin : createReadStream(path);
  let [rest, done] = [Buffer.alloc(0), 0];
  try {
    for await (const chunk of source) {
      done += chunk.length;
      show(`${bytes(done)} of ${name} read`, done, total);
      let from = 0;
      for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, from)) {
        yield lineOf(rest, chunk.subarray(from, end));
        rest = Buffer.alloc(0);
        from = end + 1;
      }
      if (rest.length <= SAMPLE_SIZE_MAX) rest = Buffer.concat([rest, chunk.subarray(from)]);
    }
  } catch (error) {
    throw unreadable(name, error);
  }
  if (rest.length > 0) yield lineOf(rest, Buffer.alloc(0));
}

function lineOf(start: Buffer, end: Buffer): Uint8Array {
  const line = start.length === 0 ? end : Buffer.concat([start, end]);
  return line.at(-1) === CARRIAGE_RETURN ? line.subarray(0, -1) : line;
}

/** Runs what reads a path, and names the path in its errors. */
async function failing<Result>(path: string, read: () => Promise<Result>): Promise<Result> {
  try {
    return await read();
  } catch (error) {
    throw unreadable(printable(path), error);
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "no permission",
  EISDIR: "it is a folder",
};

/** The failure for a file that cannot be read. */
export function unreadable(name: string, error: unknown): Failure {
  const { code = "", message } = error as NodeJS.ErrnoException;
  return new Failure(`Cannot read ${name}: ${REASONS[code] ?? (code || message)}`);
}
