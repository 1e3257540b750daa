// Decoders of JavaScript runtimes and packages: `javascript.mjs WAY FOLDER URL` prints a line of JSON for each layout.

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import * as zlib from "node:zlib";

const [way, folder, url] = process.argv.slice(2);
const layouts = process.argv.slice(5);
const dictionary = await readFile(`${folder}/dictionary.dict`);

async function fromStream(bytes) {
  const parts = [];
  const decoder = zlib.createZstdDecompress({ dictionary });
  await pipeline([bytes], decoder, async (source) => {
    for await (const part of source) parts.push(part);
  });
  return Buffer.concat(parts);
}

const load = {
  fzstd: async () => {
    const { decompress } = await import("fzstd");
    return (bytes) => decompress(bytes);
  },
  zstddec: async () => {
    const { ZSTDDecoder } = await import("zstddec");
    const decoder = new ZSTDDecoder();
    await decoder.init();
    return (bytes) => decoder.decode(bytes);
  },
  zstddecStream: async () => {
    const { ZSTDDecoder } = await import("zstddec/stream");
    const decoder = new ZSTDDecoder();
    await decoder.init();
    return (bytes) => {
      const parts = [];
      for (const part of decoder.decodeStreaming([bytes])) {
        // It goes on for ever with what it cannot decode; the whole text is three parts.
        if (parts.push(part) === 1000) return undefined;
      }
      return Buffer.concat(parts);
    };
  },
  zlibSync: () => (bytes) => zlib.zstdDecompressSync(bytes, { dictionary }),
  zlibStream: () => fromStream,
  bun: () => (bytes) => globalThis.Bun.zstdDecompressSync(bytes),
  decompressionStream: () => async (bytes) =>
    new Uint8Array(
      await new Response(
        new Blob([bytes]).stream().pipeThrough(new DecompressionStream("zstd")),
      ).arrayBuffer(),
    ),
  fetch: () => async (_bytes, layout) =>
    new Uint8Array(await (await fetch(`${url}/${layout}`)).arrayBuffer()),
};

const read = await load[way]();
for (const layout of layouts) {
  let line;
  try {
    const bytes = await read(new Uint8Array(await readFile(`${folder}/${layout}`)), layout);
    line =
      bytes === undefined
        ? { layout, endless: true }
        : { layout, size: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
  } catch (error) {
    line = { layout, error: String(error) };
  }
  console.log(JSON.stringify(line));
}
