/** Draws how a value is stored: its content above, the stored bytes below, and the parts of its frames. */
import type { FrameLayout, KeyDetail, ValueLayout } from "../protocol.ts";
import { svg } from "./dom.ts";
import { bytes, count } from "./format.ts";

/** A part of a frame, for the picture and for the table. */
export interface Part {
  readonly kind: "header" | "compressed" | "raw" | "rle" | "checksum" | "version" | "table" | "skippable";
  readonly name: string;
  readonly start: number;
  readonly size: number;
}

/** What is drawn. */
export interface Drawn extends Pick<KeyDetail, "size" | "storedSize" | "carrier"> {
  readonly layout: ValueLayout;
}

const BAR = 22;
const GAP = 30;
const LABEL = 18;
/** The least width of a part in pixels, so that it is visible. */
const PART_MIN = 5;
const CHECKSUM_SIZE = 4;
/** About the width of a letter in pixels, and the space for a square before it. */
const LETTER = 6.6;
const LEGEND_SQUARE = 16;

/** The parts of a frame in order. */
export function partsOf(frame: FrameLayout): Part[] {
  const { start, end, role, headerSize } = frame;
  if (role !== "frame") {
    const kind = role === "seek table" ? "table" : role;
    return [{ kind, name: role === "version" ? "version frame" : role, start, size: end - start }];
  }
  const parts: Part[] = [{ kind: "header", name: "header", start, size: headerSize }];
  for (const [index, { type, start: at, storedSize }] of frame.blocks.entries()) {
    const name = frame.blockCount === 1 ? `${type} block` : `block ${index}, ${type}`;
    parts.push({ kind: type, name, start: at, size: storedSize });
  }
  const blocksEnd = frame.checksum ? end - CHECKSUM_SIZE : end;
  const listed = parts.at(-1)!.start + parts.at(-1)!.size;
  if (listed < blocksEnd) {
    const more = frame.blockCount - frame.blocks.length;
    const name = more > 0 ? `${count(more)} more blocks` : "the rest";
    parts.push({ kind: "compressed", name, start: listed, size: blocksEnd - listed });
  }
  if (frame.checksum && frame.blockCount > 0)
    parts.push({ kind: "checksum", name: "checksum", start: blocksEnd, size: CHECKSUM_SIZE });
  return parts;
}

/** The picture, in the given width in pixels. */
export function drawLayout(drawn: Drawn, width: number): SVGSVGElement {
  const { layout, size, storedSize, carrier } = drawn;
  const most = Math.max(size ?? 0, storedSize ?? 0, 1);
  const contentWidth = size === null ? width : Math.max(2, (width * size) / most);
  const storedWidth = Math.max(2, (width * (storedSize ?? 0)) / most);
  const top = LABEL;
  const bottom = top + BAR + GAP;
  const children: SVGElement[] = [
    label(0, top - 5, "original", bytes(size), width),
    ...sliceShapes(layout, contentWidth, storedWidth, top),
    label(0, bottom + BAR + 15, carrier === "text" ? "stored, base64" : "stored", bytes(storedSize), width),
  ];
  const stripTop = bottom + BAR + 48;
  const [first] = layout.frames;
  const parts =
    layout.frameCount === 1 && first !== undefined ? partsOf(first) : layout.frames.flatMap(summaryOf);
  const title = layout.frameCount === 1 ? "the frame, part by part" : "the frames, one by one";
  children.push(
    label(0, stripTop - 6, title, bytes(layout.fileSize), width),
    ...strip(parts, width, stripTop),
  );
  const legend = drawLegend(parts, width, stripTop + BAR + 18);
  children.push(...legend.shapes);
  const words = `${bytes(size)} are stored in ${bytes(storedSize)}, in ${count(layout.frameCount)} frames`;
  return svg("svg", { width, height: legend.end, role: "img", "aria-label": words }, ...children);
}

/** If there are several frames, each is one part. */
function summaryOf(frame: FrameLayout): Part[] {
  const { start, end, role } = frame;
  if (role !== "frame") return partsOf(frame);
  return [{ kind: "compressed", name: "frame", start, size: end - start }];
}

/** Both bars, and between them the relation of each frame to its slice of the content. */
function sliceShapes(
  layout: ValueLayout,
  contentWidth: number,
  storedWidth: number,
  top: number,
): SVGElement[] {
  const bottom = top + BAR + GAP;
  const frames = layout.frames.filter(({ role }) => role === "frame");
  const content = frames.reduce((sum, { contentSize }) => sum + (contentSize ?? 0), 0);
  const listsAll =
    layout.frames.length === layout.frameCount && frames.every(({ contentSize }) => contentSize !== null);
  const file = Math.max(1, layout.fileSize);
  const slices = listsAll && content > 0 ? frames : [{ contentSize: 1, start: 0, end: file }];
  const sum = listsAll && content > 0 ? content : 1;
  const shapes: SVGElement[] = [];
  let at = 0;
  for (const [index, { contentSize, start, end }] of slices.entries()) {
    const [x0, x1] = [(contentWidth * at) / sum, (contentWidth * (at + (contentSize ?? 0))) / sum];
    const [y0, y1] = [(storedWidth * start) / file, (storedWidth * end) / file];
    at += contentSize ?? 0;
    const shade = index % 2 === 0 ? "even" : "odd";
    const points = `${x0},${top + BAR} ${x1},${top + BAR} ${y1},${bottom} ${y0},${bottom}`;
    shapes.push(
      svg("rect", {
        class: `content-bar ${shade}`,
        x: x0,
        y: top,
        width: Math.max(1, x1 - x0 - (slices.length > 1 ? 1 : 0)),
        height: BAR,
      }),
      svg("polygon", { class: `link ${shade}`, points }),
      svg("rect", {
        class: `stored-bar ${shade}`,
        x: y0,
        y: bottom,
        width: Math.max(1, y1 - y0),
        height: BAR,
      }),
    );
  }
  return shapes;
}

function label(x: number, y: number, name: string, value: string, width: number): SVGElement {
  return svg(
    "g",
    {},
    svg("text", { x, y, class: "caption" }, name),
    svg("text", { x: width, y, class: "figure", "text-anchor": "end" }, value),
  );
}

/** The parts side by side: in proportion to their size, but none too short to be visible. */
function strip(parts: readonly Part[], width: number, top: number): SVGElement[] {
  const sum = parts.reduce((total, { size }) => total + size, 0) || 1;
  const least = Math.min(PART_MIN, width / Math.max(1, parts.length));
  const free = Math.max(0, width - least * parts.length);
  let x = 0;
  return parts.map(({ kind, name, start, size }) => {
    const own = least + (free * size) / sum;
    const shape = svg(
      "rect",
      { class: `part ${kind}`, x, y: top, width: Math.max(0.5, own - (own > 3 ? 1 : 0)), height: BAR },
      svg("title", {}, `${name}: ${bytes(size)} at ${count(start)}`),
    );
    x += own;
    return shape;
  });
}

const NAMES: Readonly<Record<Part["kind"], string>> = {
  header: "header",
  compressed: "compressed",
  raw: "raw block",
  rle: "RLE block",
  checksum: "checksum",
  version: "version",
  table: "seek table",
  skippable: "skippable",
};

/** One entry for each kind of part, with the sum of their bytes. */
function drawLegend(
  parts: readonly Part[],
  width: number,
  top: number,
): { shapes: SVGElement[]; end: number } {
  const sums = new Map<Part["kind"], number>();
  for (const { kind, size } of parts) sums.set(kind, (sums.get(kind) ?? 0) + size);
  const shapes: SVGElement[] = [];
  let [x, y] = [0, top];
  for (const [kind, size] of sums) {
    const room = LEGEND_SQUARE + LETTER * `${NAMES[kind]} ${bytes(size)}`.length;
    if (x > 0 && x + room > width) [x, y] = [0, y + 20];
    shapes.push(
      svg("rect", { class: `part ${kind}`, x, y: y - 9, width: 10, height: 10, rx: 2 }),
      svg(
        "text",
        { x: x + 16, y, class: "caption" },
        `${NAMES[kind]} `,
        svg("tspan", { class: "figure" }, bytes(size)),
      ),
    );
    x += room + LABEL;
  }
  return { shapes, end: y + 8 };
}
