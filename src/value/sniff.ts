/** Characters that are looked at; a `data:` URL's media type comes before them. */
const HEAD_SIZE = 16;
const DATA_URL_HEAD = 128;
const NOT_TEXT = /[^\t\n\r -~]/;

const ANY = -1;
const bytesOf = (text: string): number[] => Array.from(text, (character) => character.charCodeAt(0));

/** How formats start whose content is compressed already; `ANY` matches every byte. */
const signatures: readonly (readonly number[])[] = [
  [0xff, 0xd8, 0xff], // JPEG
  [0x89, ...bytesOf("PNG")],
  bytesOf("GIF8"),
  [...bytesOf("RIFF"), ANY, ANY, ANY, ANY, ...bytesOf("WEBP")],
  [ANY, ANY, ANY, ANY, ...bytesOf("ftypavif")],
  [ANY, ANY, ANY, ANY, ...bytesOf("ftypheic")],
  [0x1f, 0x8b, 0x08], // gzip
  [0x28, 0xb5, 0x2f, 0xfd], // zstd
  [...bytesOf("PK"), 0x03, 0x04], // ZIP, and the office formats made of it
  [0xfd, ...bytesOf("7zXZ")],
  [...bytesOf("7z"), 0xbc, 0xaf, 0x27, 0x1c],
  bytesOf("BZh"),
  [0x04, 0x22, 0x4d, 0x18], // LZ4
  bytesOf("wOF2"),
  bytesOf("OggS"),
  bytesOf("ID3"), // MP3
  [ANY, ANY, ANY, ANY, ...bytesOf("ftypisom")],
  [ANY, ANY, ANY, ANY, ...bytesOf("ftypmp4")],
];

/**
 * Whether a text is, by its first characters, something compressed already: in base64 (either alphabet, also in a
 * `data:` URL) or as one character a byte. Compressing it again would cost time and save nothing.
 */
export function looksCompressed(text: string): boolean {
  let start = 0;
  if (text.startsWith("data:")) {
    const marker = text.slice(0, DATA_URL_HEAD).indexOf(";base64,");
    if (marker >= 0) start = marker + ";base64,".length;
  }
  const head = text.slice(start, start + HEAD_SIZE);
  // Words like "ID3" start texts too: as characters a signature counts only among others that are no text.
  return (NOT_TEXT.test(head) && matches(bytesOf(head))) || matches(fromBase64(head));
}

function matches(head: readonly number[]): boolean {
  return signatures.some((signature) =>
    signature.every((byte, index) => (byte === ANY ? index < head.length : byte === head[index])),
  );
}

/** The bytes of a text that is base64 throughout, else none. */
function fromBase64(text: string): number[] {
  const bytes: number[] = [];
  for (let index = 0; index + 4 <= text.length; index += 4) {
    let group = 0;
    for (let place = 0; place < 4; place++) {
      const value = sextet(text.charCodeAt(index + place));
      if (value < 0) return [];
      group = (group << 6) | value;
    }
    bytes.push(group >> 16, (group >> 8) & 255, group & 255);
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
