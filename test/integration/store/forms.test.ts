/** Values in odd forms: joined files, bytes that end like a table, text that no string holds; and one frame of each. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadZstd } from "../../../src/codec/zstd.ts";
import { walkFrame } from "../../../src/format/frame.ts";
import { createRandom } from "../../support/random.ts";
import { collect, startInProcess, type InProcess } from "../../support/store/in-process.ts";

const zstd = await loadZstd();
let rig: InProcess;
beforeAll(async () => {
  rig = await startInProcess({ maxRequestSize: 1e9, maxResponseSize: 1e9 });
});
afterAll(() => rig.close());

const seekable = async (text: string, frameSize = 1000): Promise<Uint8Array> =>
  collect(
    new Blob([text]).stream().pipeThrough(zstd.compressStream({ frameSize, seekTable: true }) as never),
  );

describe.each([3000, 300_000])("two seekable files of %i bytes, joined", (size) => {
  test("are read whole and in ranges, and stat does not lie", async () => {
    const whole = "a".repeat(size) + "b".repeat(size);
    await rig.command(
      "SET",
      "v",
      Buffer.concat([await seekable("a".repeat(size)), await seekable("b".repeat(size))]),
    );
    const store = rig.store();
    expect(await store.getText("v")).toBe(whole);
    for (const [start, end] of [
      [0, 10],
      [size - 5, size + 5],
      [2 * size - 3, 9 * size],
    ] as const) {
      const range = await collect((await store.getRange("v", start, end))!);
      expect(Buffer.from(range).toString()).toBe(whole.slice(start, end));
    }
    const stat = (await store.stat("v"))!;
    expect([undefined, 2 * size]).toContain(stat.size);
    expect(stat.form).toBe("frame");
  });
});

test("a plain value that ends like a seek table is plain", async () => {
  const footer = Buffer.alloc(9);
  footer.writeUInt32LE(1_000_000, 0);
  footer.writeUInt32LE(0x8f92eab1, 5);
  const value = Buffer.concat([Buffer.alloc(5000, 0x20), footer]);
  await rig.command("SET", "v", value);
  for (const options of [{}, { pieceSize: 5009 }]) {
    const store = rig.store(options);
    expect(Buffer.from((await store.getBytes("v"))!).equals(value)).toBe(true);
    expect((await collect((await store.getRange("v", 4990, 6000))!)).length).toBe(19);
    expect(await store.stat("v")).toMatchObject({ form: "plain", size: 5009 });
  }
  // In pieces it is not taken for damage either.
  expect(Buffer.from((await rig.store({ pieceSize: 1000 }).getBytes("v"))!).equals(value)).toBe(true);
});

test.each(["zs1:KLUv/Q", "zs1:KLUv/QQ!!!", "zs1:KLUv/SAAAQAA=", `zs1:KLUv/Q${"A".repeat(100_002)}!`])(
  "stat of damaged base64 is CORRUPT, as it is when it is read: %#",
  async (text) => {
    await rig.command("SET", "v", text);
    for (const options of [{}, { pieceSize: 1000 }]) {
      const store = rig.store(options);
      const corrupt = { name: "ZstashError", code: "CORRUPT", key: "v" };
      await expect(store.getBytes("v")).rejects.toMatchObject(corrupt);
      await expect(store.stat("v")).rejects.toMatchObject(corrupt);
    }
  },
);

test("text that no string can hold is SIZE_LIMIT, not damage", async () => {
  const size = 540_000_000;
  const part = new Uint8Array(10_000_000).fill(65);
  let given = 0;
  const source = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (given < size) controller.enqueue(part);
      else controller.close();
      given += part.length;
    },
  });
  await rig.store().put("v", source);
  await expect(rig.store().getText("v", { maxSize: 1e9 })).rejects.toMatchObject({
    code: "SIZE_LIMIT",
    key: "v",
  });
}, 120_000);

describe("one frame for HTTP", () => {
  const content = createRandom(5).bytes(9_000_000);
  const expectOne = async (expected: Uint8Array, options = {}): Promise<Uint8Array> => {
    const frame = await collect((await rig.store(options).getCompressed("v"))!);
    const { end, header } = walkFrame(frame, 0, 0);
    expect(end).toBe(frame.length);
    expect(header).toMatchObject({ type: "frame", checksum: true });
    expect(header.windowSize).toBeLessThanOrEqual(8 << 20);
    const decoded = await collect(
      new Blob([frame as BlobPart]).stream().pipeThrough(zstd.decompressStream() as never),
    );
    expect(Buffer.compare(decoded, expected)).toBe(0);
    return frame;
  };

  test("of a single frame it is what lies there", async () => {
    for (const size of [0, 10, 70_000, 3_000_000]) {
      await rig.store().put("v", content.subarray(0, size));
      const frame = await expectOne(content.subarray(0, size));
      expect(Buffer.compare(frame, (await rig.bytes("v"))!)).toBe(0);
    }
  });

  test("of values of several frames, small and large", async () => {
    for (const layout of [{ mtu: 1500 }, { frameSize: 65_536 }, { frameSize: 4 << 20 }] as const) {
      for (const size of [100, 5000, 3_000_000, 9_000_000]) {
        await rig.store().put("v", content.subarray(0, size), { layout });
        await expectOne(content.subarray(0, size));
      }
    }
  });

  test("of uncompressed values, of base64, of frames without a checksum and with a large window", async () => {
    for (const size of [0, 5, 9_000_000]) {
      await rig.command("SET", "v", content.subarray(0, size));
      await expectOne(content.subarray(0, size));
    }
    await rig.command(
      "SET",
      "v",
      Buffer.from(`zs1:${Buffer.from(zstd.compress("text")).toString("base64")}`),
    );
    await expectOne(Buffer.from("text"));
    await rig.command("SET", "v", zstd.compress("text", { checksum: false }));
    await expectOne(Buffer.from("text"));
    const large = Buffer.alloc(20 << 20, "some text ");
    await rig.command("SET", "v", zstd.compress(large, { level: 3, parameters: { windowLog: 25 } }));
    await expectOne(large, { maxWindowLog: 27 });
    await rig.command("SET", "v", Buffer.concat([zstd.compress("a"), zstd.compress("b")]));
    await expectOne(Buffer.from("ab"));
  }, 60_000);

  test("of a large file of several frames without a table, an error instead of a part", async () => {
    const file = Buffer.concat([zstd.compress(content), zstd.compress("more")]);
    await rig.command("SET", "v", file);
    await expect((async () => collect((await rig.store().getCompressed("v"))!))()).rejects.toMatchObject({
      code: "UNSUPPORTED",
      key: "v",
    });
  });
});
