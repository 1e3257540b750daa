/** Recognizes texts whose content is compressed already, such as pictures and archives, by their first characters. */

/** Characters that are looked at; a `data:` URL's media type comes before them. */
const HEAD_SIZE = 16;
const DATA_URL_HEAD = 128;
const NOT_TEXT = /[^\t\n\r -~]/;
const NOT_BASE64 = /[^\w+/-]/;

/** The first bytes of compressed formats, one character each, by the first of them. */
const signatures: Readonly<Record<string, string>> = {
  "\x04": "\x04\x22\x4d\x18", // LZ4
  "\x1f": "\x1f\x8b\x08", // gzip
  "(": "(\xb5/\xfd", // zstd
  "7": "7z\xbc\xaf\x27\x1c",
  B: "BZh",
  G: "GIF8",
  I: "ID3", // MP3
  O: "OggS",
  P: "PK\x03\x04", // ZIP, and the office formats made of it
  R: "RIFF", // WebP, if that name follows the size
  w: "wOF2",
  "\x89": "\x89PNG",
  "\xfd": "\xfd7zXZ",
  "\xff": "\xff\xd8\xff", // JPEG
};

/** AVIF, HEIC and MP4 begin with the size of their first box, which varies, "ftyp" and a brand. */
const ISO_MEDIA = /^[^]{4}ftyp(?:avif|heic|isom|mp4)/;

/**
 * Returns true if the first characters of a text show that it is compressed already: in base64 (either alphabet, also
 * in a `data:` URL) or with one character for each byte. Compressing it again would take time and save nothing.
 */
export function looksCompressed(text: string): boolean {
  let start = 0;
  if (text.startsWith("data:")) {
    const marker = text.slice(0, DATA_URL_HEAD).indexOf(";base64,");
    if (marker >= 0) start = marker + ";base64,".length;
  }
  const head = text.slice(start, start + HEAD_SIZE);
  // Words like "ID3" start texts too, so a signature counts only if the head also has characters that text lacks.
  return (isCompressedFormat(head) && NOT_TEXT.test(head)) || isCompressedFormat(fromBase64(head));
}

/** Returns true if bytes, one character each, begin as a compressed format does. */
function isCompressedFormat(head: string): boolean {
  if (ISO_MEDIA.test(head)) return true;
  const signature = signatures[head.charAt(0)];
  if (signature === undefined || !head.startsWith(signature)) return false;
  // WAVE is RIFF too, and is not compressed.
  return signature !== "RIFF" || head.startsWith("WEBP", 8);
}

/** The bytes of a text that is base64 throughout, in either alphabet, one character each; otherwise none. */
function fromBase64(text: string): string {
  if (NOT_BASE64.test(text)) return "";
  const groups = text.slice(0, text.length & ~3);
  return atob(groups.replaceAll("-", "+").replaceAll("_", "/"));
}
