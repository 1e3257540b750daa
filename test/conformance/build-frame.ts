/** Frames written by hand after RFC 8878 §3.1.1, so that what a case expects does not come from what it judges. */
import { concat } from "./data.ts";

export interface HeaderFields {
  /** Frame_Content_Size; left out: not declared, or Single_Segment with 0 where `windowDescriptor` is left out too. */
  readonly contentSize?: number | bigint;
  /** Bytes of the field; default: the fewest that hold it. */
  readonly contentSizeBytes?: 1 | 2 | 4 | 8;
  /** Window_Descriptor; left out: Single_Segment_Flag is set. */
  readonly windowDescriptor?: number;
  readonly dictionaryId?: number;
  /** Bytes of the field; default: the fewest that hold it. */
  readonly dictionaryIdBytes?: 0 | 1 | 2 | 4;
  readonly checksum?: boolean;
  readonly reservedBit?: boolean;
  readonly unusedBit?: boolean;
}

export const MAGIC: Uint8Array = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd);

/** A 1 KiB window: the smallest, exponent 0 and mantissa 0. */
export const SMALLEST_WINDOW = 0;

/** Little-endian. */
export function littleEndian(value: number | bigint, bytes: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, at) => Number((BigInt(value) >> BigInt(8 * at)) & 255n));
}

/** Window_Size of a Window_Descriptor (RFC 8878 §3.1.1.1.2). */
export function windowSizeOf(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}

export function header(fields: HeaderFields): Uint8Array {
  const single = fields.windowDescriptor === undefined;
  const sizeBytes = sizeFieldBytes(fields, single);
  const id = fields.dictionaryId ?? 0;
  const idBytes = fields.dictionaryIdBytes ?? (id === 0 ? 0 : id < 256 ? 1 : id < 65536 ? 2 : 4);
  const sizeFlag = sizeBytes === 8 ? 3 : sizeBytes === 4 ? 2 : sizeBytes === 2 ? 1 : 0;
  const descriptor =
    (sizeFlag << 6) |
    (Number(single) << 5) |
    (Number(fields.unusedBit ?? false) << 4) |
    (Number(fields.reservedBit ?? false) << 3) |
    (Number(fields.checksum ?? false) << 2) |
    (idBytes === 4 ? 3 : idBytes);
  const size = BigInt(fields.contentSize ?? 0);
  return concat(
    MAGIC,
    Uint8Array.of(descriptor),
    single ? new Uint8Array(0) : Uint8Array.of(fields.windowDescriptor),
    littleEndian(id, idBytes),
    littleEndian(sizeBytes === 2 ? size - 256n : size, sizeBytes),
  );
}

function sizeFieldBytes({ contentSize, contentSizeBytes }: HeaderFields, single: boolean): 0 | 1 | 2 | 4 | 8 {
  if (contentSizeBytes !== undefined) return contentSizeBytes;
  if (contentSize === undefined) return single ? 1 : 0;
  // One byte is there with Single_Segment_Flag alone; two bytes begin at 256.
  if (contentSize < 256) return single ? 1 : 4;
  if (contentSize < 65_536 + 256) return 2;
  return contentSize < 2 ** 32 ? 4 : 8;
}

export type Block =
  | { readonly raw: Uint8Array }
  | { readonly rle: number; readonly size: number }
  | { readonly compressed: Uint8Array }
  /** Block_Type 3, reserved. */
  | { readonly reserved: Uint8Array };

function blockBytes(block: Block, last: boolean): Uint8Array {
  const [type, size, body] =
    "raw" in block
      ? [0, block.raw.length, block.raw]
      : "rle" in block
        ? [1, block.size, Uint8Array.of(block.rle)]
        : "compressed" in block
          ? [2, block.compressed.length, block.compressed]
          : [3, block.reserved.length, block.reserved];
  return concat(littleEndian(Number(last) | (type << 1) | (size << 3), 3), body);
}

/** A frame without a checksum of these blocks; lists of blocks may be given whole, for engines bound their arguments. */
export function frame(fields: HeaderFields, ...blocks: readonly (Block | readonly Block[])[]): Uint8Array {
  const all = blocks.flat();
  return concat(
    header(fields),
    all.map((block, at) => blockBytes(block, at === all.length - 1)),
  );
}

/** A frame that declares its size, with the content as one raw block: at most 128 KiB. */
export function rawFrame(content: Uint8Array): Uint8Array {
  return frame({ contentSize: content.length }, { raw: content });
}

/** `count` RLE blocks of 128 KiB zeros, four bytes each. */
export function rleBlocks(count: number): Block[] {
  return Array.from({ length: count }, () => ({ rle: 0, size: 1 << 17 }));
}

/** A skippable frame (RFC 8878 §3.1.2); `variant` is 0…15. */
export function skippable(payload: Uint8Array, variant: number = 0): Uint8Array {
  return concat(littleEndian(0x184d2a50 + variant, 4), littleEndian(payload.length, 4), payload);
}
