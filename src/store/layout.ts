/** The `layout` option of `put`: how a value is divided into frames and blocks. */
import { describe, requireInteger, requireOptions } from "../check.ts";
import { segmentSize } from "../codec/segment-size.ts";
import { BLOCK_SIZE_MAX, FRAME_SIZE_MAX } from "../limits.ts";

/**
 * How a value is divided into frames and blocks.
 *
 * - "ramp": one frame whose blocks start small and double in size, so that the first packet decodes at once. Adds
 * 0.03–0.15 % to the size.
 * - `{ flushSize }`: one frame, with a new block after every so many bytes of input; each block is at most that + 3
 * bytes.
 * - `{ frameSize }`: frames of so many decompressed bytes, with a seek table: any part can be read.
 * - `{ mtu }`: frames that each fit one network segment, for any input, with a seek table. Adds 40–60 % to the size
 * of JSON.
 */
export type Layout =
  "ramp" | { readonly flushSize: number } | { readonly frameSize: number } | { readonly mtu: number };

/** A layout in the form that the compressor needs. */
export interface LayoutSettings {
  readonly kind: "frame" | "frames" | "bounded-frames";
  /** Bytes of input after which a block ends. */
  readonly flush: "ramp" | number;
  /** Bytes of a frame: decompressed for "frames"; an upper limit of the compressed size for "bounded-frames". */
  readonly frameSize: number;
}

const layoutNames: readonly string[] = ["flushSize", "frameSize", "mtu"];

/**
 * Checks the layout of a `put`.
 *
 * @throws {TypeError | RangeError} for a wrong member; the message names it
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
