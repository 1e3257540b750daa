/** Decodes a stored value for people: whether it can be decoded, and its beginning as JSON, text or hexadecimal. */
import type { Decoder } from "../../codec/decoder.ts";
import { loadDecoder } from "../../codec/load-decoder.ts";
import { concatenate } from "../../bytes.ts";
import { decodeBase64 } from "../../format/base64.ts";
import { readUtf8 } from "../../text.ts";
import { formOf } from "../../value/form.ts";
import { TEXT_PREFIX_SIZE } from "../../value/carrier.ts";
import { toText } from "../text.ts";
import { messageOf } from "./facts.ts";
import type { KeyDetail, Preview } from "./protocol.ts";

/** Bytes of content that are shown. */
const PREVIEW_SIZE = 64 * 1024;
/** Bytes that are shown in hexadecimal. */
const HEX_SIZE = 1024;
const HEX_ROW = 16;
const INDENT_MAX = 16;
/** The largest content that is decoded whole, to see whether it can be. Takes about 30 ms. */
const WHOLE_MAX = 16 << 20;

/** What is known about content that was decoded. */
export interface Decoded {
  readonly verdict: KeyDetail["verdict"];
  readonly preview: Preview;
  /** The size of the content in bytes, if it was decoded whole. */
  readonly size: number | undefined;
}

const NO_PREVIEW: Preview = { kind: "none", text: "", cut: false };

/**
 * The frames of a stored string: itself, or what the text carrier holds. Undefined for an uncompressed one, and for
 * bad base64.
 */
export function framesOf(stored: Uint8Array): Uint8Array | undefined {
  const form = formOf(stored);
  if (form === "plain") return undefined;
  return form === "frames" ? stored : decodeBase64(cutToGroups(toText(stored.subarray(TEXT_PREFIX_SIZE))));
}

/** Base64 of which only a part was read, cut after its last complete group. */
function cutToGroups(text: string): string {
  return text.slice(0, text.length - (text.length % 4));
}

/**
 * Decodes a string whose first bytes are `stored`; `cut` tells whether there are more. JSON is indented unless told
 * otherwise.
 */
export async function decodeContent(stored: Uint8Array, cut: boolean, indents = true): Promise<Decoded> {
  if (formOf(stored) === "plain") {
    return {
      verdict: "plain",
      preview: previewOf(stored, cut, indents),
      size: cut ? undefined : stored.length,
    };
  }
  const frames = framesOf(stored);
  if (frames === undefined) return failed("Cannot read the value: what follows zs1: is not base64");
  const decoder = await loadDecoder();
  if (!cut) {
    try {
      const content = decoder.decompress(frames, { maxSize: WHOLE_MAX });
      return { verdict: "whole", preview: previewOf(content, false, indents), size: content.length };
    } catch (error) {
      if ((error as { readonly code?: unknown }).code !== "SIZE_LIMIT") return failed(messageOf(error));
    }
  }
  try {
    return {
      verdict: "beginning",
      preview: previewOf(await beginningOf(decoder, frames), true, indents),
      size: undefined,
    };
  } catch (error) {
    return failed(messageOf(error));
  }
}

/** Returns true if frames can be decoded; undefined if that needs a dictionary or more than `maxSize` bytes. */
export async function decodes(stored: Uint8Array, maxSize: number): Promise<boolean | undefined> {
  const frames = framesOf(stored);
  if (frames === undefined) return false;
  const decoder = await loadDecoder();
  try {
    decoder.decompress(frames, { maxSize });
    return true;
  } catch (error) {
    const { code } = error as { readonly code?: unknown };
    return code === "SIZE_LIMIT" || code === "DICTIONARY_UNKNOWN" || code === "OUT_OF_MEMORY"
      ? undefined
      : false;
  }
}

function failed(fault: string): Decoded {
  return { verdict: { fault }, preview: NO_PREVIEW, size: undefined };
}

/** The first bytes that frames decode to, whatever follows them. */
async function beginningOf(decoder: Decoder, frames: Uint8Array): Promise<Uint8Array> {
  const source = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(frames);
      controller.close();
    },
  });
  const reader = source
    .pipeThrough(decoder.decompressStream({ maxSize: Number.MAX_SAFE_INTEGER }))
    .getReader();
  const parts: Uint8Array[] = [];
  let size = 0;
  try {
    while (size < PREVIEW_SIZE) {
      const { done, value } = await reader.read();
      if (done) break;
      parts.push(value);
      size += value.length;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
  return concatenate(parts);
}

/** The beginning of content: JSON if it is complete and valid JSON, text if it is UTF-8, otherwise hexadecimal. */
export function previewOf(content: Uint8Array, goesOn: boolean, indents = true): Preview {
  const cut = goesOn || content.length > PREVIEW_SIZE;
  const shown = content.subarray(0, PREVIEW_SIZE);
  // A character that was split by the cut takes at most three bytes.
  const text = [0, 1, 2, 3].reduce<string | undefined>(
    (found, less) =>
      found ?? (less > 0 && !cut ? undefined : readUtf8(shown.subarray(0, shown.length - less))),
    undefined,
  );
  if (text === undefined || text.includes("\0")) {
    return {
      kind: "hex",
      text: hexOf(content.subarray(0, HEX_SIZE)),
      cut: goesOn || content.length > HEX_SIZE,
    };
  }
  if (/^\s*[[{]/.test(text) && !cut) {
    try {
      JSON.parse(text);
      return { kind: "json", text: indents ? indentJson(text) : text, cut };
    } catch {
      // It only begins like JSON.
    }
  }
  return { kind: "text", text, cut };
}

/**
 * JSON with a line for each member. Its tokens stay as they are: a parser would round long integers and drop members
 * of the same name. Levels deeper than 16 are indented like the 16th, so that the result stays below 34 times the
 * text.
 */
function indentJson(text: string): string {
  let out = "";
  let depth = 0;
  const newLine = (): string => `\n${"  ".repeat(Math.min(depth, INDENT_MAX))}`;
  for (const [token] of text.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"|[[{]\s*[\]}]|[[\]{},:]|[^\s[\]{},:"]+/g)) {
    if (token === "{" || token === "[") {
      depth++;
      out += token + newLine();
    } else if (token === "}" || token === "]") {
      depth--;
      out += newLine() + token;
    } else if (token === ",") out += token + newLine();
    else if (token === ":") out += ": ";
    else out += token.startsWith("[") || token.startsWith("{") ? token.replaceAll(/\s/g, "") : token;
  }
  return out;
}

/** Rows of 16 bytes: their offset, their hexadecimal digits, and their ASCII characters. */
function hexOf(bytes: Uint8Array): string {
  const rows: string[] = [];
  for (let at = 0; at < bytes.length; at += HEX_ROW) {
    const row = Array.from(bytes.subarray(at, at + HEX_ROW));
    const digits = row.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const letters = row
      .map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "·"))
      .join("");
    rows.push(`${at.toString(16).padStart(6, "0")}  ${digits.padEnd(3 * HEX_ROW)} ${letters}`);
  }
  return rows.join("\n");
}
