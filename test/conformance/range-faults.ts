/** Sources and seek tables that lie: which error a range read ends with. */
import type { Case, Context } from "./case.ts";
import { decodersOf, equal, fail, misuse, throws } from "./case.ts";
import { concat, flipBit, jsonBytes, randomBytes, utf8 } from "./data.ts";
import { bytesOf, counted, rangeOf, seekableFile, tableOf } from "./range-source.ts";
import type { Entry } from "./range-source.ts";
import type { RangeOptions, RangeSource, ZstashErrorCode } from "../../src/index.ts";

/** Longer than the first read of a source, so that frames take reads of their own. */
const content = randomBytes(31, 40_000);
const FRAME_SIZE = 5000;

/** Runs a range of all that must fail in every decoder, and after it one that must not. */
async function fails(
  context: Context,
  code: ZstashErrorCode,
  about: string,
  make: () => RangeSource,
  { start = 0, frame, ...options }: RangeOptions & { start?: number; frame?: number } = {},
): Promise<void> {
  for (const [name, decoder] of decodersOf(context)) {
    const { bytes, error } = await rangeOf(decoder, make(), start, undefined, options);
    const { frame: at, offset } = throws(context, code, `${name}, ${about}`, () => {
      if (error !== undefined) throw error;
    });
    equal(bytes, content.subarray(start, start + bytes.length), `${name}, ${about}, what came before`);
    if (offset === undefined) fail(`${name}, ${about}: no offset`);
    if (frame !== undefined) equal(at, frame, `${name}, ${about}, the frame`);
    const { file } = seekableFile(context.zstd, content, FRAME_SIZE);
    equal(await bytesOf(decoder, counted(file), 0, 10), content.subarray(0, 10), `${name}, after ${about}`);
  }
}

const brokenWords: readonly (readonly [string, (good: Uint8Array) => unknown, ZstashErrorCode])[] = [
  ["one byte less", (good) => good.subarray(1), "TRUNCATED"],
  ["nothing", () => new Uint8Array(0), "TRUNCATED"],
  ["one byte more", (good) => concat(good, Uint8Array.of(0)), "CORRUPT"],
  ["an error", () => Promise.reject(new TypeError("the network is gone")), "INTERNAL"],
];

const sources: Case[] = [
  ...brokenWords.map(([kind, broken, code]): Case => ({
    name: `range faults: a source that answers with ${kind}`,
    async run(context) {
      const { file } = seekableFile(context.zstd, content, FRAME_SIZE);
      for (const nth of [0, 1, 2]) {
        const make = (): RangeSource =>
          counted(file, (good, number) => (number === nth ? broken(good) : good));
        await fails(context, code, `read ${nth}`, make, { readSize: FRAME_SIZE });
      }
    },
  })),
  {
    name: "range faults: a source that lies, read from its start",
    needs: ["streams"],
    async run(context) {
      const { frames, entries } = seekableFile(context.zstd, content, FRAME_SIZE);
      const short = concat(frames, tableOf(entries.slice(0, -1)));
      for (const [name, decoder] of decodersOf(context)) {
        // It may be the table of the last of joined files: the frames are read from the start, and none is left out.
        const { bytes, error } = await rangeOf(decoder, counted(short), 0);
        equal(error, undefined, `${name}, one frame missing`);
        equal(bytes, content, `${name}, one frame missing`);
      }
      for (const [kind, broken, code] of brokenWords) {
        const make = (): RangeSource =>
          counted(frames, (good, number) => (number === 3 ? broken(good) : good));
        await fails(context, code, kind, make, { readSize: FRAME_SIZE });
      }
      await fails(context, "TRUNCATED", "cut", () => counted(frames.subarray(0, -1)));
      await fails(context, "NOT_ZSTD", "foreign", () => counted(utf8("plain text")));
      await fails(context, "TRUNCATED", "no bytes", () => counted(new Uint8Array(0)));
      equal(context.zstd.stats().live, 0, "live contexts");
    },
  },
  {
    name: "range faults: a source of the wrong size",
    async run(context) {
      const { file } = seekableFile(context.zstd, content, FRAME_SIZE);
      const larger = (): RangeSource => ({ ...counted(file), size: file.length + 5 });
      await fails(context, "TRUNCATED", "larger than it is", larger);
      const before = (): RangeSource => counted(concat(new Uint8Array(7), file));
      // The table lists less than there is, as that of joined files does: so the source is read from its start.
      await fails(context, "NOT_ZSTD", "with something before", before);
    },
  },
  {
    name: "range faults: the cause is kept, and a ZstashError passes as it is",
    async run(context) {
      const { file } = seekableFile(context.zstd, content, FRAME_SIZE);
      const cause = new Error("by intent");
      const own = new context.ZstashError("VALUE_CHANGED", "Cannot read: it was replaced");
      for (const [name, decoder] of decodersOf(context)) {
        const failing = (reason: unknown): RangeSource => counted(file, () => Promise.reject(reason));
        const { error } = await rangeOf(decoder, failing(cause), 0);
        equal((error as { cause?: unknown }).cause, cause, `${name}, the cause`);
        equal((await rangeOf(decoder, failing(own), 0)).error, own, `${name}, the source's own`);
      }
    },
  },
  {
    name: "range faults: a signal ends the read of a table that never does",
    async run({ readSeekTable }) {
      const controller = new AbortController();
      const reason = new Error("no longer");
      let seen: AbortSignal | undefined;
      const stuck: RangeSource = {
        size: 10_000,
        read(_start, _end, { signal } = {}) {
          seen = signal;
          return new Promise(() => {});
        },
      };
      let ended: unknown;
      const table = readSeekTable(stuck, { signal: controller.signal }).catch(
        (error: unknown) => (ended = error),
      );
      controller.abort(reason);
      // A turn of the event loop settles it; one that does not is not waited for.
      await Promise.race([table, new Promise((resume) => setTimeout(resume, 20))]);
      equal(ended, reason, "the error");
      equal(seen?.aborted, true, "the source hears of it");
    },
  },
  {
    name: "range faults: cancel and signal end a read that never does",
    async run(context) {
      for (const [name, decoder] of decodersOf(context)) {
        let seen: AbortSignal | undefined;
        let began = (): void => {};
        const stuck: RangeSource = {
          size: 10_000,
          read(_start, _end, { signal } = {}) {
            seen = signal;
            began();
            return new Promise(() => {});
          },
        };
        const reading = (): Promise<void> => new Promise((resume) => (began = resume));
        const cancelled = decoder.decompressRange(stuck, 0).getReader();
        let begun = reading();
        const waiting = cancelled.read();
        await begun;
        await cancelled.cancel();
        equal((await waiting).done, true, `${name}, after cancel`);
        equal(seen?.aborted, true, `${name}, the source hears of cancel`);

        const controller = new AbortController();
        const reason = new Error("no longer");
        begun = reading();
        const range = rangeOf(decoder, stuck, 0, 10, { signal: controller.signal });
        await begun;
        controller.abort(reason);
        equal((await range).error, reason, `${name}, after abort`);
        equal(seen?.aborted, true, `${name}, the source hears of abort`);
      }
    },
  },
];

type Change = (entries: readonly Entry[]) => readonly Entry[];
const at =
  (index: number, compressed: number, size: number): Change =>
  (entries) =>
    entries.map((entry, each) => (each === index ? [entry[0] + compressed, entry[1] + size] : entry));

const tables: Case[] = [
  {
    name: "range faults: a table that lies about its frames",
    async run(context) {
      const { file, frames, entries } = seekableFile(context.zstd, content, FRAME_SIZE);
      const lies: readonly (readonly [string, Change, number?])[] = [
        ["less content", at(2, 0, -1), 2],
        ["more content", at(2, 0, 1), 2],
        ["a boundary too far", (all) => at(4, -1, 0)(at(3, 1, 0)(all)), 3],
        ["a boundary too near", (all) => at(4, 1, 0)(at(3, -1, 0)(all)), 3],
        ["a byte of content moved", (all) => at(2, 0, -1)(at(1, 0, 1)(all)), 1],
        ["one frame too many", (all) => [...all, [1, 1]]],
        ["content in no bytes", (all) => [[0, 1], ...all], 0],
      ];
      for (const [about, change, frame] of lies) {
        const lying = concat(frames, tableOf(change(entries)));
        await fails(context, "CORRUPT", about, () => counted(lying), frame === undefined ? {} : { frame });
      }
      const huge = concat(frames, tableOf(at(1, 0, 4e9)(entries)));
      await fails(context, "SIZE_LIMIT", "4 GB in a frame", () => counted(huge), { frame: 1 });
      await fails(context, "SIZE_LIMIT", "above maxFrameSize", () => counted(file), {
        maxFrameSize: 4999,
        frame: 0,
      });
    },
  },
  {
    name: "range faults: a table whose own fields are wrong",
    async run(context) {
      const { file, frames } = seekableFile(context.zstd, content, FRAME_SIZE);
      const end = file.length;
      const changed = (place: number, value: number): Uint8Array => {
        const copy = file.slice();
        copy[place] = value;
        return copy;
      };
      const wrong: readonly (readonly [string, Uint8Array])[] = [
        ["a reserved bit", changed(end - 5, 4)],
        ["checksums that are not there", changed(end - 5, 0x80)],
        ["fewer frames", changed(end - 9, 7)],
        ["more frames", changed(end - 9, 9)],
        ["frames without end", changed(end - 6, 255)],
        ["another magic number", changed(frames.length, 0x5d)],
        ["another size", changed(frames.length + 4, 1)],
      ];
      for (const [about, damaged] of wrong) await fails(context, "CORRUPT", about, () => counted(damaged));
    },
  },
  {
    name: "range faults: a damaged frame is told by its number and place",
    needs: ["checksum"],
    async run(context) {
      const { file, entries } = seekableFile(context.zstd, content, FRAME_SIZE);
      const damaged = flipBit(file, 8 * (entries[0]![0] + 2000));
      await fails(context, "CHECKSUM_MISMATCH", "frame 1", () => counted(damaged), { frame: 1 });
      // A range that does not need it does not see it.
      for (const [name, decoder] of decodersOf(context)) {
        const others = await bytesOf(decoder, counted(damaged), 2 * FRAME_SIZE);
        equal(others, content.subarray(2 * FRAME_SIZE), name);
      }
    },
  },
  {
    name: "range faults: every bit flip in a table is an error, or the content",
    async run(context) {
      const data = jsonBytes(32, 600);
      const { file, frames, entries } = seekableFile(context.zstd, data, 200);
      for (let bit = 8 * frames.length; bit < 8 * file.length; bit++) {
        for (const [name, decoder] of decodersOf(context)) {
          const { bytes, error } = await rangeOf(decoder, counted(flipBit(file, bit)), 0);
          if (error !== undefined) {
            if (!(error instanceof context.ZstashError)) fail(`${name}, bit ${bit}: ${String(error)}`);
            if (error.code === "INTERNAL") fail(`${name}, bit ${bit}: ${error.message}`);
          } else equal(bytes, data, `${name}, bit ${bit} of ${entries.length} frames`);
        }
      }
    },
  },
  {
    name: "range faults: a cached table of another file",
    async run(context) {
      const long = seekableFile(context.zstd, content, FRAME_SIZE).file;
      const short = seekableFile(context.zstd, content.subarray(0, 9000), 4000).file;
      const ofLong = await context.readSeekTable(counted(long));
      const ofShort = await context.readSeekTable(counted(short));
      if (ofLong === undefined || ofShort === undefined) fail("there is no table");
      await fails(context, "CORRUPT", "a shorter one", () => counted(long), { seekTable: ofShort, frame: 0 });
      for (const [name, decoder] of decodersOf(context)) {
        const { error } = await rangeOf(decoder, counted(short), 0, 1, { seekTable: ofLong });
        misuse("RangeError", "seekTable", name, () => {
          if (error !== undefined) throw error;
        });
      }
    },
  },
  {
    name: "range faults: wrong arguments are refused and named",
    async run(context) {
      const source = counted(seekableFile(context.zstd, content, FRAME_SIZE).file);
      const wrong: readonly (readonly ["TypeError" | "RangeError", string, readonly unknown[]])[] = [
        ["TypeError", "source", [undefined, 0]],
        ["TypeError", "source", [new Uint8Array(9), 0]],
        ["TypeError", "size", [{ read: source.read }, 0]],
        ["RangeError", "size", [{ read: source.read, size: -1 }, 0]],
        ["RangeError", "start", [source, -1]],
        ["RangeError", "start", [source, 0.5]],
        ["TypeError", "start", [source, "0"]],
        ["RangeError", "start", [source, content.length + 1]],
        ["RangeError", "end", [source, 5, 4]],
        ["RangeError", "end", [source, 0, Infinity]],
        ["TypeError", "options", [source, 0, 1, null]],
        ["RangeError", "readSize", [source, 0, 1, { readSize: 0 }]],
        ["TypeError", "maxFrameSize", [source, 0, 1, { maxFrameSize: "1" }]],
        ["TypeError", "seekTable", [source, 0, 1, { seekTable: new Uint8Array(9) }]],
      ];
      for (const [name, decoder] of decodersOf(context)) {
        for (const [kind, argument, parameters] of wrong) {
          const { error } = await rangeOf(
            decoder,
            ...(parameters as [RangeSource, number, number, RangeOptions]),
          );
          misuse(kind, argument, `${name}, a wrong ${argument}`, () => {
            if (error !== undefined) throw error;
          });
        }
        const odd = counted(new Uint8Array(100), () => "text");
        const { error } = await rangeOf(decoder, odd, 0);
        misuse("TypeError", "read", `${name}, a source of texts`, () => {
          if (error !== undefined) throw error;
        });
      }
    },
  },
];

export const rangeFaults: readonly Case[] = [...sources, ...tables];
