/** `dictionaries: "auto"` of the store: every layout, whole and in ranges, with as few requests as it takes. */
import { describe, expect, test } from "vitest";
import { readFrameHeader } from "../../../src/index.ts";
import type { Layout } from "../../../src/store/index.ts";
import { backends } from "../../support/backends.ts";
import { sessionOf } from "../../support/dictionaries.ts";
import { expectBytes } from "../../support/expect-bytes.ts";
import { redisBytes } from "../../support/redis-bytes.ts";
import { rejection } from "../../support/rejection.ts";
import { briefly, first, keyOf, useDictionaries } from "./rig.ts";

const rows = Array.from({ length: 400 }, (_, id) => JSON.stringify(sessionOf(id)));
const content = new TextEncoder().encode(rows.join("\n"));
const layouts: readonly Layout[] = ["ramp", { frameSize: 4096 }, { mtu: 1500 }];
const bytesOf = async (stream: ReadableStream<Uint8Array> | null): Promise<Uint8Array> =>
  new Uint8Array(await new Response(stream as BodyInit).arrayBuffer());

describe.each(backends)("on %s", (backend) => {
  const rig = useDictionaries(backend);
  const asks = (sent: Parameters<typeof briefly>[0]): string[] =>
    briefly(sent).filter((one) => one.includes("zstash:dict"));

  test.each(layouts)(
    "layout %o: written with it, and read by stores that do not know it yet",
    async (layout) => {
      await rig().publish();
      const writer = rig().store();
      await writer.store.put("k", content, { layout });
      await writer.store.put("other", content.subarray(0, 900), { layout });
      expect(asks(writer.sent)).toEqual(["GETRANGE zstash:dicts", `GETRANGE ${keyOf(first)}`]);
      expect(readFrameHeader(await redisBytes(rig(), "k")).dictionaryId).toBe(first.id);
      const whole = rig().store();
      expectBytes((await whole.store.getBytes("k"))!, content);
      expectBytes((await whole.store.getBytes("other"))!, content.subarray(0, 900));
      expectBytes(
        await bytesOf(await whole.store.getRange("k", 40_000, 40_100)),
        content.subarray(40_000, 40_100),
      );
      expect(asks(whole.sent)).toEqual([`GETRANGE ${keyOf(first)}`]);
      const range = rig().store();
      expectBytes(
        await bytesOf(await range.store.getRange("k", 40_000, 40_100)),
        content.subarray(40_000, 40_100),
      );
      expectBytes(
        await bytesOf(await range.store.getRange("k", 50_000, 50_100)),
        content.subarray(50_000, 50_100),
      );
      expect(asks(range.sent)).toEqual([`GETRANGE ${keyOf(first)}`]);
      expectBytes((await rig().store({ pieceSize: 5000 }).store.getBytes("k"))!, content);
      const frame = await bytesOf(await rig().store().store.getCompressed("k"));
      expect(readFrameHeader(frame).dictionaryId).toBe(0);
    },
  );

  test("the wrapper reads what the store has written, and the other way round", async () => {
    await rig().publish();
    await rig().store().store.put("s", rows[0]!);
    expect(await rig().raw().redis.get("s")).toEqual(sessionOf(0));
    await rig().text().redis.set("w", sessionOf(1));
    await rig().raw().redis.set("r", sessionOf(1));
    for (const key of ["w", "r"]) expect(await rig().store().store.getText(key)).toBe(rows[1]);
  });

  test("without a manifest, and where nothing can be fetched, a put goes without", async () => {
    await rig().store().store.put("k", rows[0]!);
    expect(readFrameHeader(await redisBytes(rig(), "k")).dictionaryId).toBe(0);
    const broken = rig().store();
    broken.around = ([command], forward) =>
      String(command![1]).startsWith("zstash:") ? Promise.reject(new TypeError("fetch failed")) : forward();
    await broken.store.put("k", rows[1]!);
    expect(await broken.store.getText("k")).toBe(rows[1]);
    expect(broken.events).toContainEqual(expect.objectContaining({ type: "dictionaries-failed" }));
  });

  test("one that is gone is DICTIONARY_UNKNOWN and names id and key, whole and in ranges", async () => {
    await rig().publish();
    await rig()
      .store()
      .store.put("k", content, { layout: { frameSize: 4096 } });
    await rig().store().store.put("small", rows[0]!);
    await rig().send(["DEL", keyOf(first)]);
    const { store } = rig().store();
    const expected = { code: "DICTIONARY_UNKNOWN", dictionaryId: first.id };
    for (const [key, work] of [
      ["k", () => store.getBytes("k")],
      ["small", () => store.getText("small")],
      ["k", () => store.getRange("k", 40_000, 40_100).then(bytesOf)],
    ] as const) {
      const error = await rejection(work() as Promise<unknown>);
      expect(error).toMatchObject({ ...expected, key });
      expect(error.message).toMatch(/it is not there: publish it again/);
    }
  });
});
