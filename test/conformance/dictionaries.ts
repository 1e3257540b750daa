/** Frames made with dictionaries: who has the dictionary reads them, and nobody else. */
import { skippable } from "./build-frame.ts";
import type { Case, Context } from "./case.ts";
import { decodersOf, equal, fail, misuse, throws } from "./case.ts";
import { concat, fromBase64, utf8 } from "./data.ts";
import { bytewise, pipe, through } from "./pipe.ts";
import { bytesOf, counted } from "./range-source.ts";
import type { Dictionary } from "../../src/index.ts";

/** test/vectors/dictionaries/sessions-1002.dict */
const encoded = [
  "N6Qw7OoDAAAcENhKkg4MwzAMw+AcIYQcu8U8SkoppZRJXkmOBtMHAAAAgEGC08kJAARAQAGAAQQ+DBBwbhx+KgyMBgQAMBA4",
  "E0RxAAAwCD0FQE4BAAAAAGQKyiLjKEcCABiODgAAAAAAAAAAAAEAAAAEAAAACAAAAG5jeSI6IkVVUiIsImFtb3VudCI6ODgz",
  "LjA0fX0seyJza3UiOiJTS1UtNDk0IiwicXVhbnRpdHkiOjMsInByaWNlIjp7ImN1cnJlbmN5IjoiRVVSIiwiYW1vdW50Ijoz",
  "MzAuMTZ9fSx7InNrdSI6IlNLVS0zOTMyIiwicXVhbnRpdHkiOjUsInByaWNlIjp7ImN1cnJlbmN5IjoiRVVSIiwiYW1vdW50",
  "Ijo0MDYuNDF9fSx7InNrdSI6IlNLVS0xNDc4IiwicXVhbnRpdHkiOjcsInByaWNlIjp7ImN1cnJlbmN5IjoiRVVSIiwiYW1v",
  "dW50IjoxNzAuNzN9fV0sImNyZWF0ZWRBdCI6IjIwMjYtMTEtMTVUMTA6MDA6MDBaIn17InNlc3Npb24iOiIyOWU2MzAzM2Iw",
  "NWQiLCJ1c2VyIjp7ImlkIjo2NjQzNiwibmFtZSI6ImVkc2dlciIsInJvbGVzIjpbImVkaXRvciIsImF1dGhvciJdLCJjb3Vu",
  "dHJ5IjoiREUifSwiY2FydCI6W3sic2t1IjoiU0tVLTI0OTIiLCJxdWFudGl0eSI6MywicHJpY2UiOnsiY3VycmVuY3kiOiJF",
  "VVIiLCJhbW91bnQiOjg1Ni43M319LHsic2t1IjoiU0tVLTUxMDUiLCJxdWFudGl0eSI6MywicHJpY2UiOnsiY3VycmVuY3ki",
  "OiJFVVIiLCJhbW91bnQiOjY4OS4yNn19XSwiY3JlYXRlZEF0IjoiMjAyNi0xMS0xN1QxNjowMDowMFoifXsic2Vzc2lvbiI6",
  "ImYyZDJkNWVjYTM2MyIsInVzZXIiOnsiaWQiOjE4MTIsIm5hbWUiOiJkb25hbGQiLCJyb2xlcyI6WyJlZGl0b3IiLCJvd25l",
  "ciJdLCJjb3VudHJ5IjoiQlIifSwiY2FydCI6W3sic2t1IjoiU0tVLTM3MzEiLCJxdWFudGl0eSI6NSwicHJpY2UiOnsiY3Vy",
  "cmVuY3kiOiJFVVIiLCJhbW91bnQiOjY5My40M319LHsic2t1IjoiU0tVLTk4NjIiLCJxdWFudGl0eSI6OCwicHJpY2UiOnsi",
  "Y3VycmVuY3kiOiJFVVIiLCJhbW91bnQiOjYyOS4zM319LHsic2t1IjoiU0tVLTMwOTkiLCJxdWFudGl0eSI6MiwicHJpY2Ui",
  "OnsiY3VycmVuY3kiOiJFVVIiLCJhbW91bnQiOjc5NS4zOH19XSwiY3JlYXRlZEF0IjoiMjAyNi0xMS0xMFQxNDowMDowMFoi",
  "fXsic2Vzc2lvbiI6IjJmYzkyMWJiNGYxNiIsInVzZXIiOnsiaWQiOjgwNTQ5LCJuYW1lIjoiYWxhbiIsInJvbGUicm9sZXMi",
  "OlsiYXV0aG9yIiwiYXV0aG9yIl0sImNvdW50cnkiOiJVUyJ9LCJjYXJ0IjpbXSwiY3JlYXRlZEF0IjoiMjAyNi0xMS0xN1Qy",
  "MTowMDowMFoifXsic2Vzc2lvbiI6IjNmY2M2MGU5N2U0MiIsInVzZXIiOnsiaWQiOjQxODI2LCJuYW1lIjoiZWRzZ2VyIiwi",
  "cm9sZXMiOlsicmVhZGVyIiwicmVhZGVyIl0sImNvdW50cnkiOiJKUCJ9LCJjYXJ0IjpbeyJza3UiOiJTS1UtMjAxOSIsInF1",
  "YW50aXR5Ijo3LCJwcmljZSI6eyJjdXJyZW5jeSI6IkVVUiIsImFtb3VudCI6OTE4LjQ4fX0seyJza3UiOiJTS1UtNTg1MyIs",
  "InF1YW50aXR5Ijo2LCJwcmljZSI6eyJjdXJyZW5jeSI6IkVVUiIsImFtb3VudCI6NzEwLjU5fX1dLCJjcmVhdGVkQXQiOiIy",
  "MDI2LTExLTIwVDE3OjAwOjAwWiJ9eyJzZXNzaW9uIjoiN2YxYTNkMzhjOTI3IiwidXNlciI6eyJpZCI6NjYyNCwibmFtZSI6",
  "ImFkYSIsInJvbGVzIjpbIm93bmVyIiwiZWRpdG9yIl0sImNvdW50cnkiOiJCUiJ9LCJjYXJ0IjpbXSwiY3JlYXRlZEF0Ijoi",
  "MjAyNi0xMS0xMlQyMTowMDowMFoifXsic2Vzc2lvbiI6IjFmZGI1N2FkMDJmNCIsInVzZXIiOnsiaWQiOjc5NzEzLCJuYW1l",
  "IjoiZ3JhY2UiLCJyb2xlcyI6WyJlZGl0b3IiLCJlZGl0b3IiXSwiY291bnRyeSI6Ik5PIn0sImNhcnQiOlt7InNrdSI6IlNL",
  "VS03MzIyIiwicXVhbnRpdHkiOjksInByaWNlIjp7ImN1cnJlbmN5IjoiRVVSIiwiYW1vdW50Ijo3MDMuMjN9fSx7InNrdSI6",
  "IlNLVS05Njg0IiwicXVhbnRpdHkiOjQsInByaWNlIjp7ImN1cnJlbmN5IjoiRVVSIiwiYW1vdW50IjoxODUuNTh9fV0sImNy",
  "ZWF0ZWRBdCI6IjIwMjYtMTEtMjlUMTg6MDA6MDBaIn17InNlc3Npb24iOiIzZDM5NjUxNGNkNGIiLCJ1c2VyIjp7ImlkIjo5",
  "MDgwMCwibmFtZSI6ImJhcmJhcmEiLCJyb2xlcyI6WyI=",
];
const stored = fromBase64(encoded.join(""));

const value = utf8(
  JSON.stringify({
    session: "7f3a9c",
    user: { id: 7, name: "ada", roles: ["editor", "owner"], country: "NO" },
    cart: [{ sku: "SKU-12", quantity: 2, price: { currency: "EUR", amount: 12.5 } }],
  }),
);

/** The same contents under another id. */
const renamedStored = stored.slice();
renamedStored.set([77, 0, 0, 0], 4);

/** Many sessions in one text. */
const sessions = utf8(
  JSON.stringify(
    Array.from({ length: 60 }, (_, id) => ({
      session: (id * 7919).toString(16),
      user: { id, name: "ada", roles: ["editor", "owner"], country: "NO" },
      cart: [{ sku: `SKU-${id}`, quantity: 2, price: { currency: "EUR", amount: 12.5 } }],
    })),
  ),
);

/** The same judge over instances that know these dictionaries. */
async function registered(context: Context, ...known: readonly Dictionary[]): Promise<Context> {
  const { withDictionaries, readDictionary } = context;
  if (withDictionaries === undefined) fail("nothing here takes dictionaries");
  return { ...context, ...(await withDictionaries(known.map(({ bytes }) => readDictionary(bytes)))) };
}

const decoding: readonly Case[] = [
  {
    name: "dictionaries: what is no dictionary is DICTIONARY_INVALID",
    run(context) {
      const { readDictionary } = context;
      const { id, bytes } = readDictionary(stored);
      equal(id, 1002, "the id");
      equal(bytes, stored, "the bytes");
      const unnamed = stored.slice().fill(0, 4, 8);
      for (const wrong of [new Uint8Array(0), stored.subarray(0, 8), value, unnamed]) {
        throws(context, "DICTIONARY_INVALID", `${wrong.length} bytes`, () => readDictionary(wrong));
      }
      misuse("TypeError", "bytes", "a text", () => readDictionary("dictionary" as unknown as Uint8Array));
    },
  },
  {
    name: "dictionaries: registered ones decode, one-shot, as text, in streams and bytes",
    needs: ["dictionary", "streams"],
    async run(context) {
      const dictionary = context.readDictionary(stored);
      const renamed = context.readDictionary(renamedStored);
      const known = await registered(context, dictionary, renamed);
      const { zstd } = context;
      for (const level of [-5, 1, 9]) {
        const frames = [
          zstd.compress(value, { level, dictionary }),
          zstd.compress(value, { level, dictionary, checksum: false }),
          await through(zstd.compressStream({ level, dictionary }), [value]),
          zstd.compress(value, { level, dictionary: renamed }),
          zstd.compress(value, { level }),
        ];
        const all = concat(frames, skippable(value), frames);
        const expected = concat(Array.from({ length: 2 * frames.length }, () => value));
        for (const [name, decoder] of decodersOf(known)) {
          for (const [index, frame] of frames.entries()) {
            const about = `${name}, level ${level}, frame ${index}`;
            equal(decoder.decompress(frame), value, about);
            equal(decoder.decompressText(frame), new TextDecoder().decode(value), `${about}, text`);
            equal(await through(decoder.decompressStream(), bytewise(frame)), value, `${about}, stream`);
          }
          equal(decoder.decompress(all), expected, `${name}, all of them`);
          equal(await through(decoder.decompressStream(), [all]), expected, `${name}, all in a stream`);
        }
      }
      equal(known.zstd.stats().live, 0, "live contexts");
    },
  },
  {
    name: "dictionaries: another one than the frame's is DICTIONARY_UNKNOWN, and the rest decodes",
    needs: ["dictionary", "streams"],
    async run(context) {
      const dictionary = context.readDictionary(stored);
      const renamed = context.readDictionary(renamedStored);
      const known = await registered(context, renamed);
      const foreign = context.zstd.compress(value, { dictionary });
      const own = context.zstd.compress(value, { dictionary: renamed });
      for (const [name, decoder] of decodersOf(known)) {
        for (let round = 0; round < 3; round++) {
          const { bytes, error } = await pipe(decoder.decompressStream(), [own, foreign]);
          equal(bytes, value, `${name}, the frame before`);
          const runs = [
            () => decoder.decompress(concat(own, foreign)),
            () => {
              throw error;
            },
          ];
          for (const run of runs) {
            const { dictionaryId, frame } = throws(context, "DICTIONARY_UNKNOWN", name, run);
            equal(dictionaryId, 1002, `${name}, the id`);
            equal(frame, 1, `${name}, the frame`);
          }
          equal(decoder.decompress(own), value, `${name}, afterwards`);
        }
      }
    },
  },
  {
    name: "dictionaries: truncated at every byte is TRUNCATED",
    needs: ["dictionary", "streams"],
    async run(context) {
      const dictionary = context.readDictionary(stored);
      const known = await registered(context, dictionary);
      const frame = context.zstd.compress(value, { dictionary });
      for (const [name, decoder] of decodersOf(known)) {
        for (let end = 0; end < frame.length; end++) {
          const cut = frame.subarray(0, end);
          const { error } = await pipe(decoder.decompressStream(), [cut]);
          throws(context, "TRUNCATED", `${name} at ${end}`, () => decoder.decompress(cut));
          throws(context, "TRUNCATED", `${name} at ${end}, stream`, () => {
            if (error !== undefined) throw error;
          });
        }
        equal(decoder.decompress(frame), value, `${name}, afterwards`);
      }
    },
  },
  {
    name: "dictionaries: bounded frames each name theirs, are fewer for it, and are read by range",
    needs: ["dictionary"],
    async run(context) {
      const dictionary = context.readDictionary(stored);
      const known = await registered(context, dictionary);
      const options = { maxFrameSize: 200, seekTable: true };
      const {
        chunks,
        bytes: file,
        error,
      } = await pipe(context.zstd.compressFrames({ ...options, dictionary }), [sessions]);
      if (error !== undefined) throw error;
      for (const chunk of chunks.slice(0, -1)) {
        if (chunk.length > 200) fail(`a frame has ${chunk.length} bytes`);
        equal(context.readFrameHeader(chunk).dictionaryId, 1002, "the id");
      }
      const plain = await pipe(context.zstd.compressFrames(options), [sessions]);
      if (chunks.length >= plain.chunks.length) {
        fail(`${chunks.length} frames, ${plain.chunks.length} without`);
      }
      for (const [name, decoder] of decodersOf(known)) {
        const parts = chunks.slice(0, -1).map((chunk) => decoder.decompress(chunk));
        equal(concat(parts), sessions, `${name}, frame by frame`);
        for (const [start, end] of [[0], [100, 101], [3000, 5000]] as const) {
          const range = await bytesOf(decoder, counted(file), start, end);
          equal(range, sessions.subarray(start, end), `${name}, from ${start}`);
        }
      }
      for (const [name, decoder] of decodersOf(context)) {
        const reason = await bytesOf(decoder, counted(file), 100, 101).catch((error: unknown) => error);
        const { dictionaryId } = throws(context, "DICTIONARY_UNKNOWN", name, () => {
          throw reason;
        });
        equal(dictionaryId, 1002, `${name}, the id`);
      }
    },
  },
];

export const dictionaries: readonly Case[] = [
  {
    name: "dictionaries: a frame names its dictionary, and is smaller for it",
    needs: ["dictionary"],
    run(context) {
      const dictionary = context.readDictionary(stored);
      const { zstd, readFrameHeader } = context;
      const plain = zstd.compress(value);
      for (const level of [-5, 1, 9]) {
        const frame = zstd.compress(value, { level, dictionary });
        equal(readFrameHeader(frame).dictionaryId, 1002, "the id");
        if (frame.length >= plain.length)
          fail(`level ${level}: ${frame.length} bytes, ${plain.length} without`);
        equal(zstd.compress(value, { level, dictionary }), frame, "the same bytes again");
        equal(zstd.compress(value), plain, "the same bytes without");
      }
    },
  },
  {
    name: "dictionaries: one that is not registered is DICTIONARY_UNKNOWN and named",
    needs: ["dictionary", "streams"],
    async run(context) {
      const dictionary = context.readDictionary(stored);
      const { zstd } = context;
      const one = zstd.compress(value, { dictionary });
      const streamed = await through(zstd.compressStream({ dictionary }), [value]);
      for (const [name, decoder] of decodersOf(context)) {
        for (const frame of [one, streamed]) {
          const { error } = await pipe(decoder.decompressStream(), [zstd.compress(value), frame]);
          const runs = [
            () => decoder.decompress(frame),
            () => decoder.decompressText(frame),
            () => {
              throw error;
            },
          ];
          for (const run of runs) {
            equal(throws(context, "DICTIONARY_UNKNOWN", name, run).dictionaryId, 1002, `${name}, the id`);
          }
        }
      }
    },
  },
  {
    name: "dictionaries: corrupt tables are DICTIONARY_INVALID, and nothing else breaks",
    needs: ["dictionary", "streams"],
    async run(context) {
      const dictionary = context.readDictionary(stored);
      const { zstd } = context;
      const corrupt = context.readDictionary(stored.slice().fill(255, 8, 80));
      const before = zstd.compress(value, { dictionary });
      for (let round = 0; round < 3; round++) {
        throws(context, "DICTIONARY_INVALID", "one-shot", () =>
          zstd.compress(value, { dictionary: corrupt }),
        );
        const { error } = await pipe(zstd.compressStream({ dictionary: corrupt }), [value]);
        throws(context, "DICTIONARY_INVALID", "stream", () => {
          throw error;
        });
        equal(zstd.compress(value, { dictionary }), before, "the good one afterwards");
      }
      equal(zstd.stats().live, 0, "live contexts");
    },
  },
  ...decoding,
];
