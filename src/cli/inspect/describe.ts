/**
 * Describes what `zstash inspect` has found: a first line that answers "is it on?", a row for each fact, and the
 * picture.
 */
import { bytes, count, printable, widthOf, wrap } from "../text.ts";
import { duration, ratio } from "../units.ts";
import type { DictionaryFacts, Facts, FrameFacts, PlainFacts } from "./facts.ts";
import { drawPicture } from "./picture.ts";
import type { Source } from "./source.ts";
import { BLOCK_TYPES } from "./walker.ts";

/** Columns if the output is not a terminal. */
const DEFAULT_COLUMNS = 80;
/** The largest window that decoders for HTTP accept (RFC 9659). */
const HTTP_WINDOW: number = 8 << 20;

/** The form of the output. */
export interface Look {
  readonly columns: number | undefined;
  readonly colours: boolean;
}

type Row = readonly [name: string, text: string];

/** True for a value that is not what its writer stored. */
export function isDamaged(facts: Facts): boolean {
  if (facts.form === "uncompressed") return facts.why.damaged === true;
  return facts.fault !== undefined || facts.verdict.state === "wrong" || facts.verdict.state === "damaged";
}

/** The whole text. */
export function describeValue(
  source: Source,
  facts: Facts,
  { columns = DEFAULT_COLUMNS, colours }: Look,
): string {
  const colour = isDamaged(facts) ? 31 : facts.form === "uncompressed" ? 33 : 32;
  const first = wrap(firstLine(source, facts), columns);
  const rows = facts.form === "uncompressed" ? plainRows(source, facts) : frameRows(source, facts);
  const picture = facts.form === "uncompressed" ? [] : drawPicture(facts, columns);
  return [
    colours ? `\x1b[${colour}m${first}\x1b[39m` : first,
    "",
    showRows(rows, columns),
    ...(picture.length === 0 ? [] : ["", ...picture]),
  ].join("\n");
}

/** The answer to "is it on?". */
export function firstLine({ kind, size }: Source, facts: Facts): string {
  if (facts.form === "uncompressed") {
    const { reason, damaged } = facts.why;
    return damaged === true ? `damaged: ${reason}` : `not compressed, ${bytes(size)}: ${reason}`;
  }
  const { contentSize, verdict, form } = facts;
  const isFile = kind === "file" && form === "raw";
  const carrier = isFile ? "a zstd file" : `${form} carrier`;
  const writer = writerOf(facts);
  // Other programs declare the same in the files that they write; only the version frame is zstash's own.
  const by = isFile && !hasVersion(facts) ? "" : ` by ${writer}`;
  const decoded = verdict.state === "right" ? verdict.size : contentSize;
  const content = decoded === undefined ? "" : ` for ${bytes(decoded)} (${ratio(decoded, size)})`;
  const what = `compressed${by} (${carrier}), ${bytes(size)} stored${content}`;
  if (!isDamaged(facts)) return what;
  const fault = facts.fault ?? ("reason" in verdict ? verdict.reason : "");
  return `damaged: ${fault}; ${what}`;
}

/** The likely writer: zstash declares every size and adds a checksum to every frame, but others may do so too. */
function writerOf(facts: FrameFacts): string {
  const { form, header, withoutChecksum, blockCounts } = facts;
  if (form === "text" || hasVersion(facts)) return "zstash";
  const isComplete = header?.contentSize !== undefined && header.checksum && withoutChecksum === 0;
  if (isComplete) return "zstash";
  const isOnlyRaw =
    blockCounts.compressed === 0 && blockCounts.RLE === 0 && header?.contentSize !== undefined;
  return isOnlyRaw ? "zstash without its codec" : "another program";
}

function hasVersion({ parts }: FrameFacts): boolean {
  return parts.some(({ kind }) => kind === "version");
}

function commonRows({ kind, name, field, size, ttl, memory }: Source): Row[] {
  return [
    [kind, printable(name)],
    ...(field === undefined ? [] : [["field", printable(field)] as const]),
    ...(kind === "key" && field === undefined
      ? [["expires", ttl === undefined ? "never" : `in ${duration(ttl)}`] as const]
      : []),
    ["stored", `${bytes(size)}${memory === undefined ? "" : `; ${bytes(memory)} of Redis' memory`}`],
  ];
}

function plainRows(source: Source, { why: { would } }: PlainFacts): Row[] {
  if (would === undefined) return commonRows(source);
  const { size, raw, text } = would;
  const of = size === source.size ? "" : `its first ${bytes(size)} in `;
  const told = `${of}${bytes(raw)} (${ratio(size, raw)}) in the raw carrier, ${bytes(text)} (${ratio(size, text)}) in the text carrier`;
  return [...commonRows(source), ["with zstash", told]];
}

function frameRows(source: Source, facts: FrameFacts): Row[] {
  const { form, framesSize, header, walkedSize } = facts;
  const rows: Row[] = [
    ...commonRows(source),
    [
      "carrier",
      form === "text"
        ? `text: zs1: and ${bytes(framesSize)} of frames in base64`
        : "raw: the frames themselves",
    ],
    ["content", contentText(facts)],
    ["frames", framesText(facts)],
    ["blocks", blocksText(facts)],
  ];
  if (header !== undefined) {
    const { windowSize } = header;
    const far = windowSize > HTTP_WINDOW ? "; more than HTTP clients and browsers take (8 MiB)" : "";
    rows.push(["window", `${bytes(windowSize)}${far}`]);
  }
  rows.push(["checksum", checksumText(facts)], ["dictionary", dictionaryText(facts.dictionary)]);
  rows.push(["seek table", tableText(facts)], ["skippable", skippableText(facts)]);
  if (walkedSize < framesSize) {
    rows.push([
      "read",
      `the ends of ${bytes(source.size)}; --whole reads all of it and proves its checksums`,
    ]);
  }
  return rows;
}

function contentText({ contentSize, verdict, header }: FrameFacts): string {
  const declared = contentSize === undefined ? undefined : `${bytes(contentSize)} (${contentSize} bytes)`;
  if (verdict.state !== "right")
    return declared === undefined ? "its size is not declared" : `${declared}, as declared`;
  if (contentSize === verdict.size) return `${declared}, as declared`;
  const said = header?.contentSize === undefined ? "not declared" : `declared ${contentSize ?? "in part"}`;
  return `${bytes(verdict.size)} (${verdict.size} bytes), ${said}`;
}

function framesText({ frameCount, frameCountIsExact, parts, partsLeftOut }: FrameFacts): string {
  const frames = parts.filter(({ kind }) => kind === "frame");
  if (!frameCountIsExact)
    return frameCount === 1 ? "1, as far as its first bytes tell" : `at least ${frameCount}`;
  if (frames.length < 2) return `${frameCount}`;
  const sizes = frames.map(({ start, end }) => end - start);
  const [least, most] = sizes.reduce(
    ([low, high], size) => [Math.min(low, size), Math.max(high, size)],
    [Infinity, 0],
  );
  const of = partsLeftOut > 0 ? ` (of the first ${frames.length})` : "";
  return `${frameCount}, of ${bytes(least)} to ${bytes(most)}${of}`;
}

function blocksText({ blockCounts, walkedSize, framesSize, parts }: FrameFacts): string {
  const counts = BLOCK_TYPES.filter((type) => blockCounts[type] > 0).map(
    (type) => `${blockCounts[type]} ${type}`,
  );
  const place = walkedSize < framesSize ? ` in the first ${bytes(walkedSize)}` : "";
  return counts.length === 0 && parts.length === 0 ? "none" : `${counts.join(", ") || "none"}${place}`;
}

function checksumText({ withoutChecksum, frameCount, verdict, header }: FrameFacts): string {
  if (header === undefined) return "none";
  if (withoutChecksum > 0 && (withoutChecksum >= frameCount || !header.checksum)) {
    const decoded = verdict.state === "right" ? "; it decodes" : "";
    return `none: damage may go unseen${decoded}`;
  }
  const present = withoutChecksum > 0 ? `present, but for ${count(withoutChecksum, "frame")}` : "present";
  switch (verdict.state) {
    case "right":
      return `${present}, right`;
    case "wrong":
      return `${present}, WRONG: the value is not what was stored`;
    case "damaged":
      return `${present}, not reached: ${verdict.reason}`;
    case "unread":
      return `${present}, not proven: --whole reads all of it`;
    case "unknown":
      return `${present}, not proven: ${verdict.reason}`;
  }
}

function dictionaryText(dictionary: DictionaryFacts | undefined): string {
  if (dictionary === undefined) return "none";
  const { id, size, missing } = dictionary;
  return size === undefined ? `${id}: ${missing}` : `${id}, in Redis as zstash:dict:${id} (${bytes(size)})`;
}

function tableText({ parts }: FrameFacts): string {
  const table = parts.find(({ kind }) => kind === "table");
  return table === undefined ? "none" : `${bytes(table.end - table.start)}: ranges are read without the rest`;
}

function skippableText({ parts, frameCountIsExact }: FrameFacts): string {
  const others = parts.filter(({ kind }) => kind === "skippable");
  const size = others.reduce((sum, { start, end }) => sum + end - start, 0);
  return (
    [
      ...(parts.some(({ kind }) => kind === "version") ? ["the version frame, 24 B"] : []),
      ...(others.length === 0 ? [] : [`${count(others.length, "frame")} of other programs, ${bytes(size)}`]),
    ].join("; ") || (frameCountIsExact ? "none" : "none seen")
  );
}

/** Rows with a name before each; a long row continues below, indented to the same column. */
function showRows(rows: readonly Row[], columns: number): string {
  const width = Math.max(...rows.map(([name]) => widthOf(name)));
  const gap = " ".repeat(width + 4);
  return rows
    .map(([name, text]) => {
      const lines = wrap(text, Math.max(20, columns - gap.length)).replaceAll("\n", `\n${gap}`);
      return `  ${name.padEnd(width)}  ${lines}`;
    })
    .join("\n");
}
