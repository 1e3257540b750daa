/** Draws the parts of a stored value to scale: a bar of its frames, or of the blocks of its only frame. */
import { DEFAULT_REQUEST_SIZE } from "../../limits.ts";
import { DEFAULT_PIECE } from "../../store/pieces.ts";
import { bytes, widthOf, wrap } from "../text.ts";
import type { FrameFacts } from "./facts.ts";

/** Columns before and after the bar. */
const INDENT = "  ";
const COLUMNS_MIN = 24;
const COLUMNS_MAX = 100;

/** A part of the value and the character that draws it. */
interface Stretch {
  readonly start: number;
  readonly end: number;
  readonly sign: string;
}

/**
 * The characters and their meanings. Neighbouring frames and blocks alternate between two characters, so that their
 * ends are visible.
 */
const SIGNS = {
  frames: ["█", "▓"],
  blocks: ["█", "▓"],
  raw: "░",
  RLE: "=",
  header: "h",
  checksum: "c",
  version: "v",
  table: "t",
  skippable: "s",
  unread: "·",
} as const;

const MEANINGS: Readonly<Record<string, string>> = {
  "░": "raw block",
  "=": "RLE block",
  h: "header",
  c: "checksum",
  v: "version frame",
  t: "seek table",
  s: "skippable frame",
  "·": "not read",
};

/** Parts that are often smaller than a column, and are shown all the same. */
const SMALL: readonly string[] = [SIGNS.header, SIGNS.checksum, SIGNS.version, SIGNS.table, SIGNS.skippable];

/** The lines of the picture; none if there is nothing to draw. */
export function drawPicture(facts: FrameFacts, columns: number): string[] {
  const width = Math.max(COLUMNS_MIN, Math.min(COLUMNS_MAX, columns)) - 2 * INDENT.length;
  const { framesSize, parts } = facts;
  if (framesSize === 0 || parts.length === 0) return [];
  const isSingle = parts.length === 1 && facts.blocks.length > 0;
  const stretches = isSingle ? stretchesOfFrame(facts) : stretchesOfParts(facts);
  const bar = drawBar(stretches, framesSize, width);
  const lines = [scale(framesSize, width), bar];
  const content = isSingle ? undefined : contentBar(facts, width);
  if (content !== undefined) lines.push(content, scale(facts.contentSize!, width, "content"));
  if (facts.form === "raw" && framesSize > DEFAULT_REQUEST_SIZE) lines.push(piecesBar(framesSize, width));
  const legend = legendOf(bar, isSingle ? "block" : "frame");
  return [...lines, ...wrap(legend, width).split("\n")].map((line) => `${INDENT}${line}`.trimEnd());
}

/** The line above a bar, with its ends. */
function scale(size: number, width: number, what: string = "stored"): string {
  const [left, right] = [`0 B  ${what}`, bytes(size)];
  return left + " ".repeat(Math.max(1, width - widthOf(left) - widthOf(right))) + right;
}

/** The header, blocks and checksum of the only frame, and what was not read of it. */
function stretchesOfFrame({ blocks, parts, header, walkedSize }: FrameFacts): Stretch[] {
  const stretches: Stretch[] = [];
  const end = parts[0]!.end;
  const first = blocks[0]!.start;
  if (first > 0) stretches.push({ start: 0, end: first, sign: SIGNS.header });
  let compressed = 0;
  for (const { type, start, end: to } of blocks) {
    const sign = type === "compressed" ? SIGNS.blocks[compressed++ % 2]! : SIGNS[type];
    stretches.push({ start, end: Math.min(to, end), sign });
  }
  const last = blocks.at(-1)!.end;
  if (last >= end) return stretches;
  const hasChecksum = walkedSize >= end && header?.checksum === true && end - last === 4;
  return [...stretches, { start: last, end, sign: hasChecksum ? SIGNS.checksum : SIGNS.unread }];
}

function stretchesOfParts({ parts, framesSize }: FrameFacts): Stretch[] {
  let frames = 0;
  const stretches = parts.map(({ kind, start, end }): Stretch => {
    return { start, end, sign: kind === "frame" ? SIGNS.frames[frames++ % 2]! : SIGNS[kind] };
  });
  const last = parts.at(-1)!.end;
  return last < framesSize ? [...stretches, { start: last, end: framesSize, sign: SIGNS.unread }] : stretches;
}

/**
 * A bar of `width` columns. A column shows the part that fills most of it. A small part, such as a header of 9 bytes
 * or a seek table, that would show nowhere gets the column in which it lies, or one to the left of that.
 */
function drawBar(stretches: readonly Stretch[], size: number, width: number): string {
  const signs: string[] = [];
  const most = new Float64Array(width);
  const perColumn = size / width;
  for (const { start, end, sign } of stretches) {
    const first = Math.min(width - 1, Math.floor(start / perColumn));
    const last = Math.min(width - 1, Math.max(first, Math.ceil(end / perColumn) - 1));
    for (let column = first; column <= last; column++) {
      const share = Math.min(end, (column + 1) * perColumn) - Math.max(start, column * perColumn);
      if (signs[column] !== undefined && share <= most[column]!) continue;
      most[column] = share;
      signs[column] = sign;
    }
  }
  // From the end: a part before the last one moves to its left.
  for (const { start, end, sign } of stretches.toReversed()) {
    if (!SMALL.includes(sign) || signs.includes(sign)) continue;
    const column = Math.min(width - 1, Math.floor((start + end) / 2 / perColumn));
    let at = column;
    while (at > 0 && SMALL.includes(signs[at] ?? "")) at -= 1;
    signs[at] = sign;
  }
  return Array.from({ length: width }, (_, column) => signs[column] ?? " ").join("");
}

/** The same frames, scaled by their content; undefined if the content of some is unknown. */
function contentBar({ parts, contentSize }: FrameFacts, width: number): string | undefined {
  if (contentSize === undefined || contentSize === 0) return undefined;
  const stretches: Stretch[] = [];
  let at = 0;
  let frames = 0;
  for (const { kind, contentSize: size } of parts) {
    if (size === undefined) return undefined;
    if (kind !== "frame") continue;
    stretches.push({ start: at, end: at + size, sign: SIGNS.frames[frames++ % 2]! });
    at += size;
  }
  return at === contentSize ? drawBar(stretches, contentSize, width) : undefined;
}

/** The pieces in which a value is read if one response cannot hold it. */
function piecesBar(size: number, width: number): string {
  const pieces = Math.ceil(size / DEFAULT_PIECE);
  const line = Array.from({ length: width }, () => "─");
  if (pieces < width) {
    for (let piece = 0; piece < pieces; piece++)
      line[Math.floor((piece * DEFAULT_PIECE * width) / size)] = piece === 0 ? "├" : "┼";
  }
  line[width - 1] = "┤";
  const told = ` ${pieces} pieces of ${bytes(DEFAULT_PIECE)} `;
  const from = Math.floor((width - told.length) / 2);
  return line.slice(0, from).join("") + told + line.slice(from + told.length).join("");
}

function legendOf(bar: string, what: "frame" | "block"): string {
  const known = Object.keys(MEANINGS).filter((sign) => bar.includes(sign));
  const main = bar.includes("▓") ? `█▓ ${what}s in turn` : bar.includes("█") ? `█ ${what}` : undefined;
  return [...(main === undefined ? [] : [main]), ...known.map((sign) => `${sign} ${MEANINGS[sign]}`)].join(
    "   ",
  );
}
