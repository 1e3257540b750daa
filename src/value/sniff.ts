/** Recognises texts whose content is compressed already, such as pictures and archives, by their first characters. */

/** Characters that are looked at; a `data:` URL's media type comes before them. */
const HEAD_SIZE = 16;
const DATA_URL_HEAD = 128;
const NOT_TEXT = /[^\t\n\r -~]/;

/** How compressed formats begin, one character a byte, by their first byte. */
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
  R: "RIFF", // WebP; see `isWebP`
  w: "wOF2",
  "\x89": "\x89PNG",
  "\xfd": "\xfd7zXZ",
  "\xff": "\xff\xd8\xff", // JPEG
};

/** Brands of ISO media files (AVIF, HEIC, MP4), which begin with the size of their first box, "ftyp" and a brand. */
const brands: readonly string[] = ["avif", "heic", "isom", "mp4"];

/**
 * Returns true if a text is, by its first characters, something compressed already: in base64 (either alphabet, also
 * in a `data:` URL) or as one character a byte. Compressing it again would cost time and save nothing.
 */
export function looksCompressed(text: string): boolean {
  let start = 0;
  if (text.startsWith("data:")) {
    const marker = text.slice(0, DATA_URL_HEAD).indexOf(";base64,");
    if (marker >= 0) start = marker + ";base64,".length;
  }
  const head = text.slice(start, start + HEAD_SIZE);
  // Words like "ID3" start texts too, so a signature counts only if the head also has non-text characters.
  return (isCompressedFormat(head) && NOT_TEXT.test(head)) || isCompressedFormat(fromBase64(head));
}

/** Returns true if bytes, one character each, begin as a compressed format does. */
function isCompressedFormat(head: string): boolean {
  if (head.startsWith("ftyp", 4) && brands.some((brand) => head.startsWith(brand, 8))) return true;
  const signature = signatures[head.charAt(0)];
  return signature !== undefined && head.startsWith(signature) && (signature !== "RIFF" || isWebP(head));
}

/** Returns true if a RIFF file is a WebP picture: WAVE and AVI are RIFF too, and need not be compressed. */
function isWebP(head: string): boolean {
  return head.startsWith("WEBP", 8);
}

/** The bytes of a text that is base64 throughout, one character each; otherwise none. */
function fromBase64(text: string): string {
  let bytes = "";
  for (let index = 0; index + 4 <= text.length; index += 4) {
    let group = 0;
    for (let place = 0; place < 4; place++) {
      const value = sextet(text.charCodeAt(index + place));
      if (value < 0) return "";
      group = (group << 6) | value;
    }
    bytes += String.fromCharCode(group >> 16, (group >> 8) & 255, group & 255);
  }
  return bytes;
}

function sextet(code: number): number {
  if (code >= 65 && code <= 90) return code - 65;
  if (code >= 97 && code <= 122) return code - 71;
  if (code >= 48 && code <= 57) return code + 4;
  if (code === 43 || code === 45) return 62;
  return code === 47 || code === 95 ? 63 : -1;
}
