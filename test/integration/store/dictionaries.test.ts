/** Values of the store with dictionaries that the application brings: every layout, whole and in ranges. */
import { describe, expect, test } from "vitest";
import { readFrameHeader } from "../../../src/index.ts";
import type { Layout } from "../../../src/store/index.ts";
import { backends } from "../../support/backends.ts";
import { NEWER, newer, OLDER, older, sessionOf } from "../../support/dictionaries.ts";
import { expectBytes } from "../../support/expect-bytes.ts";
import { rejection } from "../../support/rejection.ts";
import { drain, useStores } from "./rig.ts";

const small = new TextEncoder().encode(JSON.stringify(sessionOf(1)));
const rows = Array.from({ length: 400 }, (_, id) => JSON.stringify(sessionOf(id)));
const content = new TextEncoder().encode(rows.join("\n"));
const layouts: readonly Layout[] = ["ramp", { flushSize: 5000 }, { frameSize: 4096 }, { mtu: 1500 }];

describe.each(backends)("on %s", (backend) => {
  const rig = useStores(backend);

  test.each(layouts)(
    "layout %o: written with the first, read with any, whole and in ranges",
    async (layout) => {
      const store = rig().store({ dictionaries: [newer, older] });
      for (const source of [content, new Blob([content]).stream()]) {
        const put = await store.put("k", source, { layout });
        expect(put!.size).toBe(content.length);
        expect(readFrameHeader(await rig().stored("k")).dictionaryId).toBe(NEWER);
        const reader = rig().store({ dictionaries: [older, newer] });
        expectBytes((await reader.getBytes("k"))!, content);
        expectBytes((await drain(await reader.get("k")))!, content);
        expectBytes(
          (await drain(await reader.getRange("k", 50_000, 51_000)))!,
          content.subarray(50_000, 51_000),
        );
        expectBytes(
          (await drain(
            await rig()
              .store({ dictionaries: [newer], pieceSize: 8192 })
              .get("k"),
          ))!,
          content,
        );
        const error = await rejection(
          rig()
            .store({ dictionaries: [older] })
            .getBytes("k"),
        );
        expect(error).toMatchObject({ code: "DICTIONARY_UNKNOWN", key: "k", dictionaryId: NEWER });
        const range = rig().store().getRange("k", 50_000, 51_000).then(drain);
        expect(await rejection(range)).toMatchObject({
          code: "DICTIONARY_UNKNOWN",
          key: "k",
          dictionaryId: NEWER,
        });
      }
    },
  );

  test("a small value is half as long", async () => {
    const store = rig().store({ dictionaries: [newer] });
    const put = await store.put("k", small);
    expect(put!.storedSize).toBeLessThan(small.length * 0.45);
    expectBytes((await store.getBytes("k"))!, small);
    const absent = await store.put("a", small, { ifAbsent: true, ttl: 100 });
    expect(absent!.storedSize).toBeLessThan(small.length * 0.6);
    expectBytes((await store.getBytes("a"))!, small);
    expect(await store.stat("k")).toMatchObject({ size: small.length });
  });

  test("a put may ask for another dictionary or for none; one large frame has none", async () => {
    const store = rig().store({ dictionaries: [newer, older] });
    await store.put("k", small, { dictionary: OLDER });
    expect(readFrameHeader(await rig().stored("k")).dictionaryId).toBe(OLDER);
    await store.put("k", content, { dictionary: false });
    expectBytes((await rig().store().getBytes("k"))!, content);
    expect(await rejection(store.put("k", small, { dictionary: 7 }))).toBeInstanceOf(RangeError);
    expectBytes((await rig().store().getBytes("k"))!, content);
    const large = new Uint8Array(300_000).fill(97);
    await store.put("k", large);
    expectBytes((await rig().store().getBytes("k"))!, large);
  });

  test("getCompressed gives a frame that needs none", async () => {
    const store = rig().store({ dictionaries: [newer] });
    await store.put("k", small);
    const frame = await drain(await store.getCompressed("k"));
    expect(readFrameHeader(frame!).dictionaryId).toBe(0);
  });

  test("segments of 1500 bytes lose less to their size with a dictionary", async () => {
    const size = async (options: object, layout: Layout): Promise<number> =>
      (await rig().store(options).put("k", content, { layout }))!.storedSize;
    const oneFrame = await size({}, "ramp");
    const without = (await size({}, { mtu: 1500 })) / oneFrame - 1;
    const loss = (await size({ dictionaries: [newer] }, { mtu: 1500 })) / oneFrame - 1;
    // With this dictionary of 4 KB; one of 64 KB loses 5 to 7 %.
    expect(loss).toBeLessThan(without * 0.7);
  });
});
