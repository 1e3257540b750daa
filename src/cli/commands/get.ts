/** `zstash get`: reads a value of any size and form into a file, a pipe or the terminal. */
import type { DownloadProgress, StoreOptions } from "../../store/index.ts";
import type { ByteStream } from "../../streams.ts";
import { Failure, isOn, UsageError } from "../command.ts";
import type { CliCommand, CliInput, Terminal } from "../command.ts";
import { missing } from "../missing.ts";
import { openFile, openStandardOutput, requireFree } from "../output.ts";
import type { Output } from "../output.ts";
import { withinLimits } from "../piece-size.ts";
import { transferLine } from "../progress.ts";
import { serverOptions, withServer } from "../server.ts";
import type { ServerAddress } from "../server.ts";
import { standardStreams } from "../standard-streams.ts";
import type { StandardStreams } from "../standard-streams.ts";
import { bytes, printable } from "../text.ts";
import { rangeOf } from "../units.ts";
import type { TextRange } from "../units.ts";

/** log2 of the largest window: 128 MiB, which `zstd -d` takes by default too. */
export const CLI_WINDOW_LOG = 27;
/** The FILE that means standard output; bytes are then shown on a terminal too. */
const STANDARD_OUTPUT = "-";

/** What is to be read, and where it goes. */
interface Request {
  readonly key: string;
  /** Undefined for standard output. */
  readonly file: string | undefined;
  readonly force: boolean;
  readonly compressed: boolean;
  readonly range: TextRange | undefined;
}

/** A value that is being read, and its stored size once that is known. */
interface Opened {
  readonly stream: ByteStream;
  readonly dictionaryId?: number | undefined;
}

export const GET_COMMAND: CliCommand = {
  summary: "Read a value, of any size and in any form",
  args: [
    { usage: "<key>", meaning: "the key" },
    {
      usage: "[file]",
      meaning: 'the file to write, which appears when it is complete; "-" or none prints it',
    },
  ],
  options: {
    ...serverOptions("token that may read"),
    range: {
      value: "a:b",
      meaning:
        "only the bytes from a up to, but not including, b; of seekable values only those frames are read",
    },
    compressed: { meaning: "the stored frames themselves, for zstd -d" },
    force: { meaning: "replace an existing file" },
  },
  examples: [
    ["zstash get report report.json", "writes it to a file"],
    ["zstash get report | jq .total", "prints it"],
    ["zstash get logs --range 0:1000", "prints its first 1000 bytes"],
    ["zstash get logs --compressed | zstd -t", "tests it with zstd"],
  ],
  async run(input, terminal) {
    const request = readRequest(input);
    if (request.file !== undefined) await requireFree(request.file, request.force);
    return withServer(input.values, { doing: "get", terminal }, (server) => get(server, request, terminal));
  },
};

function readRequest({ values, args: [key = "", file] }: CliInput): Request {
  const range = rangeOf(values, "range");
  const compressed = isOn(values, "compressed");
  if (range !== undefined && compressed)
    throw new UsageError("Cannot use --range together with --compressed: a range is one of the content");
  return { key, file, force: isOn(values, "force"), compressed, range };
}

async function get(server: ServerAddress, request: Request, terminal: Terminal): Promise<number> {
  const { key, file } = request;
  const stop = new AbortController();
  const stopped = new Failure(`Stopped before ${JSON.stringify(key)} was whole`);
  void terminal.untilStopped().then(() => stop.abort(stopped));
  const show = transferLine(terminal);
  const streams = standardStreams();
  let stored: DownloadProgress | undefined;
  const onProgress = (progress: DownloadProgress): void => {
    stored = progress;
    // If the terminal shows the value itself, a progress line would be in its way.
    if (file !== undefined || !streams.outputIsTerminal)
      show({ done: progress.receivedSize, total: progress.storedSize });
  };
  const opened = await withinLimits((pieceSize) =>
    openValue({ ...server, ...(pieceSize !== undefined && { pieceSize }) }, request, {
      signal: stop.signal,
      onProgress,
    }),
  );
  if (opened === null) throw missing("get", key);
  const output = await openOutput(request, streams).catch((error: unknown) => {
    opened.stream.cancel().catch(() => undefined);
    throw error;
  });
  const size = await copy(opened.stream, output);
  terminal.progress(undefined);
  const { dictionaryId = 0 } = opened;
  if (dictionaryId !== 0) terminal.complain(dictionaryAdvice(dictionaryId));
  if (file !== undefined && file !== STANDARD_OUTPUT) {
    const inRedis = stored === undefined ? "" : ` (${bytes(stored.storedSize)} in Redis)`;
    terminal.print(`${printable(file)}: ${bytes(size)}${inRedis}`);
  }
  return 0;
}

async function openValue(
  place: ServerAddress & Pick<StoreOptions, "pieceSize">,
  { key, compressed, range }: Request,
  options: { readonly signal: AbortSignal; readonly onProgress: (progress: DownloadProgress) => void },
): Promise<Opened | null> {
  const storeOptions: StoreOptions = { ...place, dictionaries: "auto", maxWindowLog: CLI_WINDOW_LOG };
  // Imported on demand: other commands start without the codec.
  if (compressed) {
    const [{ openFrames }, { readStoreOptions }] = await Promise.all([
      import("../stored-frames.ts"),
      import("../../store/options.ts"),
    ]);
    return openFrames(readStoreOptions(storeOptions), key, options);
  }
  const { createStore } = await import("../../store/index.ts");
  const store = createStore(storeOptions);
  if (range === undefined) {
    const stream = await store.get(key, options);
    return stream === null ? null : { stream };
  }
  const { signal } = options;
  const stream = await store.getRange(key, range.start, range.end, { signal }).catch((error: unknown) => {
    throw rangeError(error);
  });
  return stream === null ? null : { stream };
}

/** The store refuses only a start past the end: the rest of a range is checked here. */
function rangeError(error: unknown): unknown {
  if (!(error instanceof RangeError)) return error;
  const size = /content of ([0-9]+) bytes/.exec(error.message)?.[1];
  const of = size === undefined ? "" : `, which has ${size} bytes`;
  return new Failure(`Cannot read the range: it begins past the end of the value${of}`);
}

function openOutput({ key, file, force }: Request, streams: StandardStreams): Promise<Output> {
  if (file !== undefined && file !== STANDARD_OUTPUT) return openFile(file, force);
  return Promise.resolve(openStandardOutput(streams, key, file === STANDARD_OUTPUT));
}

/** Copies a value and returns its size. A reader that goes away ends it without an error. */
async function copy(stream: ByteStream, output: Output): Promise<number> {
  const reader = stream.getReader();
  let size = 0;
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      size += next.value.length;
      if (!(await output.write(next.value))) break;
    }
    await output.commit();
    return size;
  } catch (error) {
    throw rangeError(error);
  } finally {
    reader.cancel().catch(() => undefined);
    await output.abandon();
  }
}

function dictionaryAdvice(id: number): string {
  return `It needs dictionary ${id}: zstash get zstash:dict:${id} | base64 -d > ${id}.dict, then zstd -d -D ${id}.dict`;
}
