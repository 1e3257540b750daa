/** Training gives the same dictionary everywhere, and prefixes work as dictionaries do. */
import type { Case } from "./case.ts";
import { decodersOf, equal, fail } from "./case.ts";
import { utf8 } from "./data.ts";
import { pipe } from "./pipe.ts";
import { sessionRecords } from "./records.ts";

/** FNV-1a, 32 bits: what every runtime can compute at once. */
function fnv(bytes: Uint8Array): string {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, "0");
}

export const training: readonly Case[] = [
  {
    name: "training: the same samples give the same dictionary on every runtime",
    needs: ["dictionary", "train"],
    async run(context) {
      const { trainDictionary, readDictionary, withDictionaries } = context;
      if (trainDictionary === undefined || withDictionaries === undefined) fail("the context cannot train");
      const trained = await trainDictionary(sessionRecords(200), { maxSize: 4096 });
      equal(trained.dictionary.length, 4059, "its size");
      equal(trained.id, 1_290_939_614, "its id");
      equal(fnv(trained.dictionary), "6fac6ff7", "its hash");
      if (!(trained.report.gain > 0.3)) fail(`gain ${trained.report.gain}, expected more than 0.3`);
      const dictionary = readDictionary(trained.dictionary);
      const { zstd, decoder } = await withDictionaries([dictionary]);
      for (const record of sessionRecords(20, 9)) {
        const frame = zstd.compress(record, { dictionary });
        equal(zstd.decompressText(frame), record, "a record");
        equal(decoder.decompressText(frame), record, "a record, by the decoder");
      }
    },
  },
  {
    name: "training: raw content as a prefix, whole values and streams",
    needs: ["dictionary", "streams"],
    async run(context) {
      const prefix = utf8(sessionRecords(40).join("\n"));
      const content = utf8(sessionRecords(30).slice(10).join("\n"));
      const frame = context.zstd.compress(content, { prefix });
      const streamed = await pipe(context.zstd.compressStream({ prefix }), [content]);
      if (streamed.error !== undefined) throw streamed.error;
      for (const bytes of [frame, streamed.bytes]) {
        if (bytes.length > content.length / 20) fail(`${bytes.length} bytes: the prefix was not found`);
        for (const [name, decoder] of decodersOf(context)) {
          equal(decoder.decompress(bytes, { prefix }), content, name);
          const back = await pipe(decoder.decompressStream({ prefix }), [bytes]);
          equal(back.bytes, content, `${name}, streamed`);
        }
      }
    },
  },
];
