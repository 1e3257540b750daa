/** A seek table that leaves frames out, as one flipped bit can make it, is an error and never a shorter value. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadZstd } from "../../../src/codec/zstd.ts";
import { ZstashError } from "../../../src/errors.ts";
import { writeSeekTable } from "../../../src/format/seek-table-writer.ts";
import { startInProcess, type InProcess } from "../../support/store/in-process.ts";
import { concat } from "../../support/streams.ts";

let rig: InProcess;
beforeAll(async () => {
  rig = await startInProcess();
});
afterAll(() => rig.close());

const content = ["A", "B", "C"].map((letter) => letter.repeat(65_536)).join("");

test("one bit of the end of a stored value: getRange from 0 and stat tell the right, or fail", async () => {
  await rig.store().put("v", content, { layout: { frameSize: 65_536 } });
  const stored = (await rig.bytes("v"))!;
  let wrong = 0;
  for (let bit = (stored.length - 17 - 4 * 8) * 8; bit < stored.length * 8; bit++) {
    const damaged = Buffer.from(stored);
    damaged[bit >> 3]! ^= 1 << (bit & 7);
    await rig.command("SET", "v", damaged);
    const store = rig.store();
    const expectZstash = (error: unknown): undefined => {
      if (error instanceof ZstashError) return undefined;
      throw error;
    };
    const text = await store
      .getRange("v", 0)
      .then((stream) => new Response(stream as ReadableStream).text())
      .catch(expectZstash);
    if (text === undefined) wrong += 1;
    else expect(text === content, `bit ${bit}`).toBe(true);
    const stat = await store.stat("v").catch(expectZstash);
    // A form without a table has no size of the whole: that of the first frame is documented.
    if (stat?.form === "seekable") expect(stat.size, `bit ${bit}`).toBe(content.length);
  }
  expect(wrong).toBeGreaterThan(3 * 32);
});

test.each([0, 1, 2])("frame %i of three, said to be empty", async (lie) => {
  const zstd = await loadZstd();
  const frames = ["A", "B", "C"].map((letter) => zstd.compress(letter.repeat(12_000)));
  const entries = frames.map(({ length }, frame) => ({
    compressedSize: length,
    decompressedSize: frame === lie ? 0 : 12_000,
  }));
  await rig.command("SET", "v", concat([...frames, writeSeekTable(entries)]));
  const store = rig.store();
  const read = async (start: number, end?: number): Promise<string> =>
    new Response((await store.getRange("v", start, end)) as ReadableStream).text();
  await expect(read(0)).rejects.toMatchObject({ code: "CORRUPT", frame: lie });
  if (lie === 2) await expect(read(24_000)).rejects.toMatchObject({ code: "CORRUPT", frame: 2 });
  await expect(store.stat("v")).rejects.toMatchObject({ code: "CORRUPT", key: "v", frame: lie });
});
