/** Many large values that are read at once are decoded a few at a time: unfinished texts do not fill the memory. */
import { beforeAll, describe, expect, test, vi } from "vitest";
import { loadZstd, type Zstd } from "../../../src/codec/zstd.ts";
import { DECODING_SIZE, DecodingGate } from "../../../src/upstash/on-demand/decoding-gate.ts";
import { compressionMiddleware, type SendRequest } from "../../../src/upstash/index.ts";
import { useRequests } from "../../support/requests.ts";

let zstd: Zstd;
beforeAll(async () => {
  zstd = await loadZstd();
});

/** A client's reads of a stored value. */
async function readerOf(text: string, codec: Zstd): Promise<() => Promise<unknown>> {
  let stored: unknown;
  const next: SendRequest = async ({ body }) => {
    const [command, , value] = body as readonly unknown[];
    if (command === "set") stored = value;
    return { result: command === "set" ? "OK" : stored } as never;
  };
  const middleware = compressionMiddleware({ zstd: codec });
  await middleware({ body: ["set", "key", text] }, next);
  const read = async (): Promise<unknown> => (await middleware({ body: ["get", "key"] }, next)).result;
  expect(await read()).toBe(text);
  return read;
}

const textOf = (size: number): string =>
  Array.from({ length: size / 16 }, (_, id) => `${(id * 7919) % 100_003}`.padStart(15) + "\n").join("");

describe("values that are read at once", () => {
  test("of more than 2 MiB: no more than 32 MiB of them are being decoded", async () => {
    const size = 4 << 20;
    let open = 0;
    let most = 0;
    const counting: Zstd = {
      ...zstd,
      decompressStream(options) {
        const { readable, writable } = zstd.decompressStream(options);
        most = Math.max(most, ++open);
        const ended = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
          flush: () => void open--,
        });
        return { writable, readable: readable.pipeThrough(ended) } as ReturnType<Zstd["decompressStream"]>;
      },
    };
    const text = textOf(size);
    const read = await readerOf(text, counting);
    most = 0;
    const all = await Promise.all(Array.from({ length: 40 }, () => read().then((got) => got === text)));
    expect(all).not.toContain(false);
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(DECODING_SIZE / size);
    expect(open).toBe(0);
  });

  test.each([
    ["1 MiB", 1 << 20, 1],
    ["1 MiB, of which little is stored", 1 << 20, 60_000],
  ])("of %s: each is handed over before another is decoded", async (_, size, repeat) => {
    let decoded = 0;
    let delivered = 0;
    let most = 0;
    const counting: Zstd = {
      ...zstd,
      decompressText(data, options) {
        most = Math.max(most, ++decoded - delivered);
        return zstd.decompressText(data, options);
      },
    };
    const text = repeat === 1 ? textOf(size) : textOf(16).repeat(size / 16);
    const read = await readerOf(text, counting);
    [decoded, delivered, most] = [0, 0, 0];
    await Promise.all(Array.from({ length: 60 }, () => read().then(() => delivered++)));
    expect(decoded).toBe(60);
    expect(most).toBeLessThanOrEqual(4);
  });
});

describe("the gate", () => {
  test("admits values in their order as long as they fit together, and a larger one alone", async () => {
    const gate = new DecodingGate(100);
    const begun: number[] = [];
    const ends: (() => void)[] = [];
    const runs = [60, 30, 30, 200, 1].map((size, index) =>
      gate.run(size, () => {
        begun.push(index);
        return new Promise<void>((end) => (ends[index] = end));
      }),
    );
    const settled = async (expected: readonly number[]): Promise<void> => {
      await expect.poll(() => begun).toEqual(expected);
      await new Promise((wake) => setTimeout(wake, 60));
      expect(begun).toEqual(expected);
    };
    await settled([0, 1]);
    ends[1]!();
    await settled([0, 1, 2]);
    ends[0]!();
    await settled([0, 1, 2]);
    ends[2]!();
    await settled([0, 1, 2, 3]);
    ends[3]!();
    await settled([0, 1, 2, 3, 4]);
    ends[4]!();
    await Promise.all(runs);
  });

  test("lets the next one in if decoding fails", async () => {
    const gate = new DecodingGate(1);
    const failing = gate.run(1, () => Promise.reject(new Error("broken")));
    const next = gate.run(1, async () => "next");
    await expect(failing).rejects.toThrow("broken");
    expect(await next).toBe("next");
  });

  test("passes a value whose request has ended, whether it was being decoded or waited", async () => {
    const requests = useRequests();
    try {
      vi.resetModules();
      const { DecodingGate: Gate } = await import("../../../src/upstash/on-demand/decoding-gate.ts");
      const gate = new Gate(1);
      const never = (): Promise<never> => new Promise(() => undefined);
      const gone = [1, 2].map(() => requests.start(() => gate.run(1, never)));
      for (const request of gone) request.end();
      expect(await requests.start(() => gate.run(1, async () => "next")).result).toBe("next");
    } finally {
      requests.restore();
    }
  });
});
