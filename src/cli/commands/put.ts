/** `zstash put`: compresses and stores a file or the contents of a pipe, of any size. */
import { ZstashError } from "../../errors.ts";
import { LEVEL_MAX, LEVEL_MIN } from "../../limits.ts";
import type { Layout, PutOptions, PutProgress, PutResult, ZstashEvent } from "../../store/index.ts";
import { Failure, isOn, textOf, UsageError } from "../command.ts";
import type { CliCommand, CliInput, CliOptions, OptionValues, Terminal } from "../command.ts";
import { openInput } from "../input.ts";
import type { Input } from "../input.ts";
import { fileReason } from "../output.ts";
import { transferLine } from "../progress.ts";
import { serverOptions, withServer } from "../server.ts";
import type { ServerAddress } from "../server.ts";
import { standardStreams } from "../standard-streams.ts";
import { bytes, count, printable } from "../text.ts";
import { readByteSize, readInteger } from "../numbers.ts";
import { duration, ratio, secondsOf } from "../units.ts";

/** Bytes of a frame for `--seekable`: reading a kilobyte costs one frame. */
const SEEKABLE = 65_536;
/** Milliseconds that an upload waits for the dictionaries in Redis: no page waits for it meanwhile. */
const DICTIONARY_WAIT = 5_000;

const OPTIONS = {
  ...serverOptions("token that may write"),
  ttl: {
    value: "time",
    meaning: "time to live, as 90 (seconds), 15m, 12h or 7d (default: it does not expire)",
  },
  "if-absent": { meaning: "only if the key does not exist; otherwise exit code 1, and nothing is changed" },
  level: {
    value: "number",
    meaning: `compression level, ${LEVEL_MIN} to ${LEVEL_MAX} (default 1 for text, 3 for other bytes)`,
  },
  seekable: { meaning: "frames of 64 KiB and a seek table: ranges are read without the rest" },
  "frame-size": {
    value: "bytes",
    meaning: "the same, with frames of this many bytes of content, such as 1M",
  },
  mtu: {
    value: "bytes",
    meaning: "seekable frames that fit a network packet each, as 1500; takes more room",
  },
  "flush-size": { value: "bytes", meaning: "one frame, with a new block after this many bytes" },
  carrier: {
    value: "name",
    meaning: "raw, or text (base64) for readers that use withCompression (default raw)",
  },
  "no-dictionary": { meaning: "without the dictionary that Redis names for this key" },
  json: { meaning: "print one line of JSON: key, size, storedSize, frameCount, requests, notes" },
} satisfies CliOptions;

/** What is to be stored, and how. */
export interface PutRequest {
  readonly key: string;
  /** Undefined for standard input. */
  readonly file: string | undefined;
  readonly carrier: "raw" | "text";
  readonly options: PutOptions;
}

/** The result of storing. */
export interface PutReport extends PutResult {
  readonly key: string;
  /** Seconds to live. */
  readonly ttl: number | undefined;
  readonly requests: number;
  /** Notes about what went otherwise than asked. */
  readonly notes: readonly string[];
}

export const PUT_COMMAND: CliCommand = {
  summary: "Store a file or a pipe, of any size, compressed",
  args: [
    { usage: "<key>", meaning: "the key; readers see the old value or the new one, whole" },
    { usage: "[file]", meaning: 'the file; "-" or none reads standard input' },
  ],
  options: OPTIONS,
  examples: [
    ["zstash put report report.json --ttl 7d", "stores a file for a week"],
    ["zstash put dump --level 9 < dump.sql", "stores the contents of a pipe, or a file"],
    ["zstash put logs app.log --seekable", "stores it so that get --range is cheap"],
  ],
  async run(input, terminal) {
    const request = readRequest(input);
    return withServer(input.values, { doing: "put", terminal }, async (server) => {
      const streams = standardStreams();
      if (request.file === undefined && streams.inputIsTerminal)
        terminal.log("Reading the value from the terminal: Ctrl-D ends it");
      const opened = await openInput(request.file, streams);
      const report = await put(server, request, opened, terminal).catch((error: unknown) => {
        throw inputFailure(error, request);
      });
      terminal.progress(undefined);
      if (report === null) throw present(request.key);
      for (const note of report.notes) terminal.complain(note);
      terminal.print(isOn(input.values, "json") ? JSON.stringify(report) : describeReport(report));
      return 0;
    });
  },
};

function readRequest({ values, args: [key = "", file] }: CliInput): PutRequest {
  const carrier = textOf(values, "carrier") ?? "raw";
  if (carrier !== "raw" && carrier !== "text")
    throw new UsageError("Cannot use --carrier: raw or text is expected");
  const layout = readLayout(values);
  if (carrier === "text" && layout !== undefined) {
    throw new UsageError(
      "Cannot use --carrier text together with a layout: base64 is read whole. Leave out one of them",
    );
  }
  const ttl = secondsOf(values, "ttl");
  const level = readInteger(values, "level", { least: LEVEL_MIN, most: LEVEL_MAX });
  return {
    key,
    file: file === "-" ? undefined : file,
    carrier,
    options: {
      ifAbsent: isOn(values, "if-absent"),
      ...(ttl !== undefined && { ttl }),
      ...(level !== undefined && { level }),
      ...(layout !== undefined && { layout }),
      ...(isOn(values, "no-dictionary") && { dictionary: false }),
    },
  };
}

function readLayout(values: OptionValues): Layout | undefined {
  const frameSize = readByteSize(values, "frame-size", { least: 1, most: 16 << 20 });
  const mtu = readByteSize(values, "mtu", { least: 576, most: 65_536 });
  const flushSize = readByteSize(values, "flush-size", { least: 1, most: 128 << 10 });
  const layouts: Layout[] = [];
  if (isOn(values, "seekable")) layouts.push({ frameSize: SEEKABLE });
  if (frameSize !== undefined) layouts.push({ frameSize });
  if (mtu !== undefined) layouts.push({ mtu });
  if (flushSize !== undefined) layouts.push({ flushSize });
  if (layouts.length > 1)
    throw new UsageError("Use only one of --seekable, --frame-size, --mtu and --flush-size");
  return layouts[0];
}

async function put(
  server: ServerAddress,
  request: PutRequest,
  input: Input,
  terminal: Terminal,
): Promise<PutReport | null> {
  const { key, carrier, options } = request;
  const stop = new AbortController();
  const stopped = new Failure(
    `Stopped: ${JSON.stringify(key)} is as it was before. What had been sent is removed, or expires within 15 minutes`,
  );
  void terminal.untilStopped().then(() => stop.abort(stopped));
  const show = transferLine(terminal);
  let requests = 0;
  let inPieces = false;
  const notes = new Set<string>();
  const onEvent = (event: ZstashEvent): void => {
    const note = noteOf(event);
    if (note !== undefined) notes.add(note);
    if (event.type !== "request") return;
    requests += 1;
    inPieces ||= event.command === "SETRANGE";
  };
  const onProgress = ({ size, totalSize = input.size, sentSize }: PutProgress): void =>
    show({ done: size, total: totalSize, more: `${bytes(sentSize)} sent` });
  const putOptions: PutOptions = { kind: input.kind, ...options, signal: stop.signal, onProgress };
  // Imported on demand: other commands start without the codec.
  let result: PutResult | null;
  if (carrier === "text") {
    const { putText } = await import("../put-text.ts");
    result = await putText({ ...server, onEvent }, key, input.source, putOptions);
  } else {
    const { createStore } = await import("../../store/index.ts");
    const store = createStore({ ...server, onEvent, dictionaries: "auto", dictionaryWait: DICTIONARY_WAIT });
    result = await store.put(key, input.source, putOptions).catch((error: unknown) => {
      throw inPieces ? withAdvice(error) : error;
    });
  }
  return result === null ? null : { key, ...result, ttl: options.ttl, requests, notes: [...notes] };
}

/** Says what a value was stored without, which its writer would otherwise not know. */
function noteOf(event: ZstashEvent): string | undefined {
  const because = (error: unknown): string => (error instanceof Error ? `: ${error.message}` : "");
  switch (event.type) {
    case "dictionaries-failed":
      return `Stored without a dictionary${because(event.error)}`;
    case "uncompressed":
      return `Stored uncompressed${because(event.error)}`;
    case "fallback":
      return event.from === "raw"
        ? "Stored in base64, a third longer: the server takes no raw bodies. See zstash doctor"
        : undefined;
    default:
      return undefined;
  }
}

/** An error that is not of the store is one of the input: a changed file, a failing disk. */
function inputFailure(error: unknown, { key, file = "standard input" }: PutRequest): unknown {
  if (error instanceof ZstashError || error instanceof Failure) return error;
  // Errors of the options name the URL or the token, and come before anything is read.
  if (error instanceof TypeError && /\b(url|token)\b/i.test(error.message)) return error;
  const changed = (error as Error).name === "NotReadableError" || error instanceof RangeError;
  const reason = changed ? "it was changed while it was read" : fileReason(error);
  return new Failure(`Cannot read ${file}: ${reason}. ${JSON.stringify(key)} is as it was before`);
}

/**
 * A server that refuses a large value may take a small one: raw bodies and transactions are not supported everywhere.
 */
function withAdvice(error: unknown): unknown {
  if (!(error instanceof ZstashError) || error.code !== "REDIS" || error.status !== undefined) return error;
  const advice = 'A value above 2 MiB compressed needs more of a server: "zstash doctor" tries it out';
  return error.with({ message: `${error.message}. ${advice}` });
}

function present(key: string): Failure {
  return new Failure(
    `Nothing was stored: ${JSON.stringify(key)} holds a value already. Leave out --if-absent to replace it`,
  );
}

/** What was stored, for people. */
export function describeReport(report: PutReport): string {
  const { key, size, storedSize, frameCount, largestFrame, ttl, requests } = report;
  const frames =
    frameCount < 2
      ? []
      : [`${count(frameCount, "frame")}, the largest ${bytes(largestFrame)}, and a seek table`];
  return [
    `${printable(key)}: ${bytes(size)} stored in ${bytes(storedSize)} (${ratio(size, storedSize)}), ${count(requests, "request")}`,
    ...frames,
    ...(ttl === undefined ? [] : [`expires in ${duration(ttl)}`]),
  ].join("\n");
}
