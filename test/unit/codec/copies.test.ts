/** Copies from stream to stream on one pool: what decompresses feeds what compresses. */
import { expect, test } from "vitest";
import { loadZstd } from "../../../src/codec/zstd.ts";
import { expectBytes } from "../../support/expect-bytes.ts";
import { chunksOf, concat, sourceOf, through } from "../../support/streams.ts";

const data = new TextEncoder().encode(
  Array.from({ length: 60_000 }, (_, line) => `${((line * 2654435761) % 2 ** 32).toString(36)}\n`).join(""),
);

test.each([1, 15, 19, 22])("a copy at level %i completes on an idle process", async (level) => {
  const zstd = await loadZstd({ memoryLimit: 256 << 20, waitTimeout: 20_000 });
  const frame = zstd.compress(data);
  const copy = sourceOf([frame])
    .pipeThrough(zstd.decompressStream())
    .pipeThrough(zstd.compressStream({ level }));
  expectBytes(zstd.decompress(concat(await chunksOf(copy))), data);
  expect(zstd.stats()).toMatchObject({ live: 0, waiters: 0 });
});

test("a copy that can never fit says so at once, and what would be enough", async () => {
  const zstd = await loadZstd({ memoryLimit: 32 << 20 });
  const frame = zstd.compress(data);
  const copy = (): Promise<Uint8Array[]> =>
    chunksOf(
      sourceOf([frame])
        .pipeThrough(zstd.decompressStream())
        .pipeThrough(zstd.compressStream({ level: 19 })),
    );
  await expect(copy()).rejects.toMatchObject({ code: "OUT_OF_MEMORY" });
  await expect(copy()).rejects.toThrow(/"memoryLimit" is 33554432: set it to \d+ or more/);
});

test("a stream that waits or cannot fit holds up no small one", async () => {
  const zstd = await loadZstd({ memoryLimit: 64 << 20, waitTimeout: 60_000 });
  const paused = sourceOf([zstd.compress(data)])
    .pipeThrough(zstd.decompressStream())
    .getReader();
  await paused.read();
  const large = through(zstd.compressStream({ level: 19 }), [data]).catch((error: unknown) => error);
  const before = Date.now();
  expectBytes(zstd.decompress(await through(zstd.compressStream(), [data])), data);
  expect(Date.now() - before).toBeLessThan(20_000);
  await paused.cancel();
  const outcome = await large;
  if (outcome instanceof Error) expect(outcome).toMatchObject({ code: "OUT_OF_MEMORY" });
});
