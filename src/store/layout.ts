/** The `layout` option of a put: how a value is cut into frames and blocks. */
import { describe, requireInteger, requireOptions } from "../check.ts";
import { segmentSize } from "../codec/segment-size.ts";
import { BLOCK_SIZE_MAX, FRAME_SIZE_MAX } from "../limits.ts";

/**
 * The way a value is cut into frames and blocks.
 *
 * - "ramp": one frame whose blocks start small and double, so that the first packet decodes at once. +0.03–0.15 % size.
 * - `{ flushSize }`: one frame, a block after every so many bytes of input: each at most that + 3 bytes.
 * - `{ frameSize }`: seekable frames of so many decompressed bytes, with a seek table: random access.
 * - `{ mtu }`: seekable frames that fit one network segment each, a hard bound on any input. +40–60 % size on JSON.
 */
export type Layout =
  "ramp" | { readonly flushSize: number } | { readonly frameSize: number } | { readonly mtu: number };

/** A layout as the compressor needs it. */
export interface LayoutSettings {
  readonly kind: "frame" | "frames" | "bounded-frames";
  /** Bytes of input after which a block ends. */
  readonly flush: "ramp" | number;
  /** Bytes of a frame: decompressed for "frames", compressed and at most for "bounded-frames". */
  readonly frameSize: number;
}

const layoutNames: readonly string[] = ["flushSize", "frameSize", "mtu"];

/**
 * Validates the layout of a `put`.
 *
 * @throws {TypeError | RangeError} naming the member that is wrong
 */
export function readLayout(layout: Layout = "ramp"): LayoutSettings {
  if (layout === "ramp") return { kind: "frame", flush: "ramp", frameSize: 0 };
  const isObject = typeof layout === "object" && layout !== null;
  if (isObject) requireOptions(layout, layoutNames, "layout");
  if (!isObject || Object.keys(layout).length !== 1) {
    throw new TypeError(`"layout" must be "ramp" or an object with one member, got ${describe(layout)}`);
  }
  if ("mtu" in layout) {
    return { kind: "bounded-frames", flush: "ramp", frameSize: segmentSize({ mtu: layout.mtu }) };
  }
  if ("flushSize" in layout) {
    requireInteger("layout.flushSize", layout.flushSize, 1, BLOCK_SIZE_MAX);
    return { kind: "frame", flush: layout.flushSize, frameSize: 0 };
  }
  requireInteger("layout.frameSize", layout.frameSize, 1, FRAME_SIZE_MAX);
  return { kind: "frames", flush: "ramp", frameSize: layout.frameSize };
}
