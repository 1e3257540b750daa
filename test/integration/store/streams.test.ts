/** Values on their way: what arrives early, what is held in memory, and what ends when somebody gives up. */
import { describe, expect, test } from "vitest";
import type { Layout } from "../../../src/store/index.ts";
import { expectBytes } from "../../support/expect-bytes.ts";
import { createRandom, seededRandom } from "../../support/random.ts";
import { byteByByte, concat, sourceOf } from "../../support/streams.ts";
import { drain, until, untilStill, useStores } from "./rig.ts";
import { backends } from "../../support/backends.ts";

const KIB = 1 << 10;

const text = Array.from({ length: 9000 }, (_, id) =>
  JSON.stringify({ id, state: "pending", price: id % 97 }),
);
const json = new TextEncoder().encode(text.join("\n"));

/** A response whose body is rewritten chunk by chunk. */
function rewritten(
  response: Response,
  rewrite: (body: ReadableStream<Uint8Array>) => ReadableStream<Uint8Array>,
) {
  return response.body === null ? response : new Response(rewrite(response.body), response);
}

/** A body that stops after `size` bytes until it is let go. */
function gated(size: number) {
  let release: () => void;
  const released = new Promise<void>((resolve) => (release = resolve));
  let cancelled = false;
  const gate = (body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> => {
    const reader = body.getReader();
    let given = 0;
    let rest: Uint8Array = new Uint8Array(0);
    return new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          if (rest.length === 0) {
            const { done, value } = await reader.read();
            if (done) return controller.close();
            rest = value;
          }
          if (given === size) await released;
          const part = given < size ? rest.subarray(0, size - given) : rest;
          given += part.length;
          rest = rest.subarray(part.length);
          controller.enqueue(part);
        },
        cancel(reason) {
          cancelled = true;
          return reader.cancel(reason);
        },
      },
      { highWaterMark: 0 },
    );
  };
  return { gate, release: () => release(), cancelled: () => cancelled };
}

/** A stream that makes noise for as long as it is asked, and counts. */
function endless(random = createRandom(1), size = 20_000) {
  const state = { pulled: 0, cancelled: undefined as unknown };
  const stream = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        state.pulled += size;
        controller.enqueue(random.bytes(size));
      },
      cancel(reason) {
        state.cancelled = reason ?? "cancelled";
      },
    },
    { highWaterMark: 0 },
  );
  return { state, stream };
}

describe.each(backends)("streams from and to %s", (backend) => {
  const rig = useStores(backend);

  describe("reading", () => {
    test.each<[Layout, number]>([
      // RESP2 puts a line of some ten bytes before the value.
      ["ramp", 1460],
      [{ flushSize: 1000 }, 1460],
      [{ mtu: 1500 }, 1460],
      [{ mtu: 576 }, 540],
    ])("%j: the first %i bytes decode before the rest has come", async (layout, size) => {
      const store = await rig().warm();
      await store.put("k", json, { layout });
      const { gate, release } = gated(size);
      rig().traffic.around = async (_, forward) => rewritten(await forward(), gate);
      const reader = (await store.get("k"))!.getReader();
      const parts: Uint8Array[] = [];
      const first = await reader.read();
      expect(first.value!.length).toBeGreaterThan(0);
      parts.push(first.value!);
      release();
      for (let next = await reader.read(); !next.done; next = await reader.read()) parts.push(next.value);
      expectBytes(concat(parts), json);
    });

    test("every frame of one segment decodes with its last byte", async () => {
      const store = await rig().warm();
      const result = await store.put("k", json, { layout: { mtu: 1500 } });
      const stored = await rig().stored("k");
      const half = gated(stored.length >> 1);
      rig().traffic.around = async (_, forward) => rewritten(await forward(), half.gate);
      const reader = (await store.get("k"))!.getReader();
      let size = 0;
      // What was held back is one frame, or a part of it.
      while (size < json.length / 2 - (2 * json.length) / result!.frameCount)
        size += (await reader.read()).value!.length;
      half.release();
      for (let next = await reader.read(); !next.done; next = await reader.read()) size += next.value.length;
      expect(size).toBe(json.length);
    });

    test.each<Layout>(["ramp", { frameSize: 3000 }, { mtu: 576 }])(
      "%j: a body byte by byte",
      async (layout) => {
        const data = json.subarray(0, 20_000);
        await rig().store().put("k", data, { layout });
        rig().traffic.around = async (_, forward) =>
          rewritten(await forward(), (body) => {
            const whole = drain(body);
            return sourceOfLater(async () => byteByByte((await whole)!));
          });
        for (const store of [rig().store(), rig().store({ pieceSize: 1000 })]) {
          expectBytes((await drain(await store.get("k")))!, data);
          expectBytes((await drain(await store.getRange("k", 5000, 9000)))!, data.slice(5000, 9000));
          expect((await store.stat("k"))!.size).toBe(data.length);
        }
      },
    );

    test("only a few pieces are asked for ahead of the reader", async () => {
      const data = seededRandom(90).bytes(400_000);
      const store = await rig().warm({ pieceSize: 10_000 });
      await store.put("k", data);
      rig().traffic.take();
      const reader = (await store.get("k"))!.getReader();
      await reader.read();
      await untilStill(() => rig().traffic.seen.length);
      // The probe, the first piece, and what one read may begin.
      expect(rig().traffic.seen.length).toBeLessThanOrEqual(2 + 1 + 3);
      expect(rig().traffic.most).toBeLessThanOrEqual(3);
      let left = 0;
      for (let next = await reader.read(); !next.done; next = await reader.read()) left += next.value.length;
      expect(left).toBeGreaterThan(300_000);
      expect(rig().traffic.most).toBe(3);
      expect(rig().traffic.take().length).toBe(2 + 40);
    });

    test("cancel ends the request, and nothing follows", async () => {
      const store = await rig().warm();
      await store.put("k", json);
      rig().traffic.take();
      const held = gated(2000);
      rig().traffic.around = async (_, forward) => rewritten(await forward(), held.gate);
      const reader = (await store.get("k"))!.getReader();
      await reader.read();
      await reader.cancel("enough");
      await until(() => held.cancelled());
      expect((await reader.read()).done).toBe(true);
      expect(rig().traffic.commands()).toEqual(["GET"]);
    });

    test("cancel ends the requests for pieces", async () => {
      const store = await rig().warm({ pieceSize: 10_000 });
      await store.put("k", seededRandom(91).bytes(300_000));
      rig().traffic.take();
      let number = 0;
      rig().traffic.around = async (seen, forward) => {
        // The probe and two pieces; the others hang until they are ended.
        if (number++ < 3) return forward();
        return new Promise((_, reject) => {
          seen.signal!.addEventListener("abort", () => reject(seen.signal!.reason));
        });
      };
      const reader = (await store.get("k"))!.getReader();
      let size = 0;
      while (size < 10_000) size += (await reader.read()).value!.length;
      const pending = reader.read();
      await until(() => rig().traffic.flying === 3);
      await reader.cancel("enough");
      await pending;
      await until(() => rig().traffic.flying === 0);
      await untilStill(() => rig().traffic.seen.length);
      expect(
        rig()
          .traffic.seen.slice(3)
          .every(({ signal }) => signal!.aborted),
      ).toBe(true);
    });

    test("a signal ends it with its reason, before and in the middle", async () => {
      const reason = new Error("by intent");
      for (const options of [{}, { pieceSize: 5000 }]) {
        const store = await rig().warm(options);
        await store.put("k", seededRandom(97).bytes(400_000));
        await store.put("seekable", json, { layout: { frameSize: 10_000 } });
        const ended = AbortSignal.abort(reason);
        rig().traffic.take();
        for (const call of [
          () => store.get("k", { signal: ended }),
          () => store.getBytes("k", { signal: ended }),
          () => store.getText("k", { signal: ended }),
          () => store.getRange("k", 0, 5, { signal: ended }),
          () => store.getCompressed("k", { signal: ended }),
          () => store.stat("k", { signal: ended }),
          () => store.delete("k", { signal: ended }),
          () => store.put("k", json, { signal: ended }),
        ]) {
          await expect(call()).rejects.toBe(reason);
        }
        expect(rig().traffic.commands()).toEqual([]);
        for (const open of [
          (signal: AbortSignal) => store.get("k", { signal }),
          (signal: AbortSignal) => store.getCompressed("k", { signal }),
          (signal: AbortSignal) => store.getRange("seekable", 0, undefined, { signal }),
        ]) {
          const controller = new AbortController();
          // The rest never comes by itself.
          rig().traffic.around = async ({ command }, forward) =>
            command === "GET" ? rewritten(await forward(), gated(30_000).gate) : forward();
          const reader = (await open(controller.signal))!.getReader();
          await reader.read();
          controller.abort(reason);
          rig().traffic.around = (_, forward) => forward();
          const rest = async (): Promise<void> => {
            while (!(await reader.read()).done);
          };
          await expect(rest()).rejects.toBe(reason);
        }
      }
    });
  });

  describe("writing", () => {
    test("at most eight pieces are held: six on their way, the first, and one that grows", async () => {
      const PIECE = 200 * KIB;
      const store = await rig().warm({ pieceSize: PIECE });
      let release: () => void = () => undefined;
      const released = new Promise<void>((resolve) => (release = resolve));
      rig().traffic.around = async ({ command }, forward) => {
        if (command === "SETRANGE") await released;
        return forward();
      };
      const { state, stream } = endless();
      const controller = new AbortController();
      const put = store.put("k", stream, { signal: controller.signal });
      put.catch(() => undefined);
      await until(() => rig().traffic.flying === 6);
      await untilStill(() => state.pulled);
      expect(rig().traffic.flying).toBe(6);
      // What the codec holds comes on top: a block of 128 KiB, and chunks between the streams.
      expect(state.pulled).toBeLessThanOrEqual(8 * PIECE + 2 * 128 * KIB);
      expect(state.pulled).toBeGreaterThan(6 * PIECE);
      release();
      const before = state.pulled;
      await until(() => state.pulled > before + 5 * PIECE);
      // What clears up after the end may fly beside requests that were given up.
      expect(rig().traffic.most).toBe(6);
      controller.abort(new Error("enough"));
      await expect(put).rejects.toThrow("enough");
    });

    test.each([1, 2, 6])("concurrency %i is kept", async (concurrency) => {
      const store = await rig().warm({ pieceSize: 5000, concurrency });
      const data = seededRandom(92).bytes(200_000);
      await store.put("k", data);
      expect(rig().traffic.most).toBe(concurrency);
      expectBytes((await store.getBytes("k"))!, data);
    });

    test("pieces may arrive in any order", async () => {
      const random = seededRandom(93);
      const store = await rig().warm({ pieceSize: 5000 });
      const data = random.bytes(200_000);
      rig().traffic.around = async ({ command }, forward) => {
        if (command === "SETRANGE") await new Promise((resolve) => setTimeout(resolve, random.below(10)));
        return forward();
      };
      await store.put("k", data);
      expectBytes((await store.getBytes("k"))!, data);
    });

    test("it begins before the source has ended", async () => {
      const store = await rig().warm({ pieceSize: 50_000 });
      let end: () => void = () => undefined;
      const source = new ReadableStream<Uint8Array>({
        start(controller) {
          controller.enqueue(createRandom(2).bytes(600_000));
          end = () => controller.close();
        },
      });
      let sent = 0;
      const put = store.put("k", source, { onProgress: (progress) => (sent = progress.sentSize) });
      await until(() => sent >= 300_000);
      expect(await store.get("k")).toBe(null);
      end();
      expect((await put)!.size).toBe(600_000);
    });

    const failure = new Error("the source failed");
    test.each([0, 1, 5, 50])(
      "a source that fails after %i chunks: its error, the old value, nothing left",
      async (at) => {
        for (const options of [{}, { pieceSize: 4000 }]) {
          for (const putOptions of [{}, { ifAbsent: true }, { layout: { mtu: 1500 } }]) {
            const store = rig().store(options);
            await rig().send(["FLUSHDB"], ["SET", "k", "old"]);
            const random = createRandom(at);
            let number = 0;
            const source = new ReadableStream<Uint8Array>(
              {
                async pull(controller) {
                  // Nothing on its way, nor about to be: what is left then is removed at once.
                  for (let quiet = 0; quiet < 10; quiet++) {
                    if (rig().traffic.flying > 0) quiet = 0;
                    await until(() => rig().traffic.flying === 0);
                    await new Promise((resolve) => setTimeout(resolve, 1));
                  }
                  if (number++ === at) controller.error(failure);
                  else controller.enqueue(random.bytes(3000));
                },
              },
              { highWaterMark: 0 },
            );
            const put = store.put("k", source, putOptions);
            // In pieces it looks first whether there is a value.
            if ("ifAbsent" in putOptions && "pieceSize" in options && at > 1) expect(await put).toBe(null);
            else await expect(put).rejects.toBe(failure);
            expect(await store.getText("k")).toBe("old");
            expect(await rig().temporary()).toEqual([]);
          }
        }
      },
    );

    test("one that fails while pieces are on their way: what they may bring back ends soon", async () => {
      const store = await rig().warm({ pieceSize: 4000 });
      await rig().send(["SET", "k", "old"]);
      rig().traffic.around = async ({ command, signal }, forward) => {
        if (command !== "SETRANGE") return forward();
        // On its way for as long as it is not given up; the server gets it then.
        await until(() => signal!.aborted);
        return forward();
      };
      let number = 0;
      const source = new ReadableStream<Uint8Array>({
        pull(controller) {
          if (number++ === 8) controller.error(failure);
          else controller.enqueue(createRandom(number).bytes(3000));
        },
      });
      await expect(store.put("k", source)).rejects.toBe(failure);
      expect(await store.getText("k")).toBe("old");
      for (const { ttl } of await rig().temporary()) {
        expect(ttl).toBeGreaterThan(0);
        expect(ttl).toBeLessThanOrEqual(60_000);
      }
    });

    test("a signal ends it with its reason, also where the source hangs, and cancels the source", async () => {
      const reason = new Error("by intent");
      for (const options of [{}, { pieceSize: 4000 }]) {
        const store = rig().store(options);
        await rig().send(["FLUSHDB"], ["SET", "k", "old"]);
        for (const chunks of [0, 30]) {
          const controller = new AbortController();
          let cancelled: unknown;
          let pulls = 0;
          const source = new ReadableStream<Uint8Array>(
            {
              pull(out) {
                if (pulls++ < chunks) return out.enqueue(createRandom(pulls).bytes(3000));
                setTimeout(() => controller.abort(reason), 5);
                return new Promise<void>(() => undefined);
              },
              cancel(why) {
                cancelled = why;
              },
            },
            { highWaterMark: 0 },
          );
          await expect(store.put("k", source, { signal: controller.signal })).rejects.toBe(reason);
          await until(() => cancelled !== undefined);
          expect(cancelled).toBe(reason);
          expect(await store.getText("k")).toBe("old");
          for (const { ttl } of await rig().temporary()) expect(ttl).toBeLessThanOrEqual(60_000);
        }
      }
    });

    test("an evicted temporary key is an error and never a value with holes", async () => {
      const store = await rig().warm({ pieceSize: 4000, concurrency: 1 });
      await rig().send(["SET", "k", "old"]);
      let pieces = 0;
      rig().traffic.around = async ({ command, key }, forward) => {
        if (command === "SETRANGE" && ++pieces === 5) await rig().send(["DEL", key]);
        return forward();
      };
      const put = store.put("k", seededRandom(94).bytes(100_000));
      await expect(put).rejects.toMatchObject({ code: "REDIS", key: "k" });
      expect(await store.getText("k")).toBe("old");
      expect(await rig().temporary()).toEqual([]);
    });

    /** The reply to the transaction that publishes is lost, after it has run or before. */
    const losing = (ran: boolean, publishing = "multi-exec"): (() => number) => {
      let lost = 0;
      rig().traffic.around = async ({ command }, forward) => {
        if (command !== publishing || lost++ > 0) return forward();
        if (ran) await forward();
        throw new TypeError("fetch failed");
      };
      return () => lost;
    };

    test.each([true, false])("publishing whose reply is lost is found out (it ran: %j)", async (ran) => {
      for (const [options, putOptions, data, publishing] of [
        [{ pieceSize: 4000 }, {}, seededRandom(98).bytes(50_000), "multi-exec"],
        [{ pieceSize: 4000 }, { ifAbsent: true, ttl: 60 }, seededRandom(98).bytes(50_000), "multi-exec"],
        [{ pieceSize: 4000 }, { layout: { mtu: 1500 } }, seededRandom(98).bytes(50_000), "multi-exec"],
        [{}, { ifAbsent: true, ttl: 60 }, seededRandom(98).bytes(50), "SET"],
      ] as const) {
        await rig().send(["FLUSHDB"]);
        const store = await rig().warm(options);
        // The server without scripts looks at values with transactions too.
        if (backend === "embedded" && !ran) return;
        const lost = losing(ran, publishing);
        expect(await store.put("k", sourceOf([data]), putOptions)).toMatchObject({ size: data.length });
        expect(lost()).toBeGreaterThan(0);
        rig().traffic.around = (_, forward) => forward();
        expectBytes((await store.getBytes("k"))!, data);
        expect(await rig().temporary()).toEqual([]);
      }
    });

    test("also of a value of a few bytes", async () => {
      const store = await rig().warm();
      losing(true);
      const data = Uint8Array.of(1, 2, 3);
      expect(await store.put("k", sourceOf([data]), { ifAbsent: true })).toMatchObject({ size: 3 });
    });

    test("a listener that throws has no say in the upload", async () => {
      const store = await rig().warm({ pieceSize: 4000 });
      for (const at of [1, 3, 20]) {
        let number = 0;
        const put = store.put("k", seededRandom(95).bytes(100_000), {
          onProgress: () => {
            if (++number === at) throw failure;
          },
        });
        expect(await put).toMatchObject({ size: 100_000 });
        expectBytes((await store.getBytes("k"))!, seededRandom(95).bytes(100_000));
        expect(await rig().temporary()).toEqual([]);
      }
    });

    test("a listener that throws, or rejects, at every piece has no say either", async () => {
      const store = await rig().warm({ pieceSize: 4000 });
      let failed = false;
      const random = createRandom(3);
      const source = new ReadableStream<Uint8Array>({
        async pull(controller) {
          await until(() => rig().traffic.flying === 0);
          if (failed) controller.close();
          else controller.enqueue(random.bytes(3000));
        },
      });
      const put = store.put("k", source, {
        onProgress: (): never => {
          failed = true;
          throw failure;
        },
      });
      expect((await put)!.size).toBeGreaterThan(0);
      const rejecting = (): never => Promise.reject(failure) as never;
      expect(await store.put("k", "small", { onProgress: rejecting })).toMatchObject({ size: 5 });
      expect(await store.getText("k")).toBe("small");
    });

    test("values of many at once do not mix", async () => {
      const store = rig().store({ pieceSize: 3000 });
      const random = seededRandom(96);
      const values = Array.from({ length: 8 }, () => random.bytes(40_000));
      await Promise.all(values.map((data, index) => store.put(`k${index}`, data)));
      const read = await Promise.all(values.map((_, index) => store.getBytes(`k${index}`)));
      for (const [index, data] of values.entries()) expectBytes(read[index]!, data);
    });
  });
});

/** A source whose chunks are known later. */
function sourceOfLater(chunks: () => Promise<Iterable<Uint8Array>>): ReadableStream<Uint8Array> {
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        reader ??= sourceOf(await chunks()).getReader();
        const { done, value } = await reader.read();
        if (done) controller.close();
        else controller.enqueue(value);
      },
    },
    { highWaterMark: 0 },
  );
}
