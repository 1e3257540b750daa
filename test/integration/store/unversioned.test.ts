/** Values that other programs wrote, replaced between two pieces: one writing of them, or an error, and never a mixture. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadZstd } from "../../../src/codec/zstd.ts";
import type { Store, StoreOptions } from "../../../src/store/index.ts";
import { createRandom } from "../../support/random.ts";
import { redisAvailable, useRedis } from "../../support/redis.ts";
import { hookFetch, refusal } from "../../support/store/hook.ts";
import { collect, startInProcess, type InProcess } from "../../support/store/in-process.ts";

const KIB = 1024;
const tail = '"end":"of the document......"}';
const text = (letter: string, size: number): Buffer => Buffer.from(letter.repeat(size) + tail);

/** Two files of one size that end alike. */
interface Pair {
  readonly name: string;
  make(): Promise<readonly [Uint8Array, Uint8Array]>;
}

const zstd = await loadZstd();
const random = createRandom(1);
const last = zstd.compress(new Uint8Array(60_000));
const frames = async (options: object, first: Uint8Array): Promise<Uint8Array> =>
  new Uint8Array(
    await new Response(
      new Blob([first as BlobPart]).stream().pipeThrough(zstd.compressStream(options) as never),
    ).arrayBuffer(),
  );
const seekable = async (noise: Uint8Array): Promise<Uint8Array> =>
  frames({ frameSize: 65_536, seekTable: true }, Buffer.concat([noise, Buffer.alloc(65_536, 67)]));

/** A frame of noise of exactly so many bytes: it is stored as it is, with headers and a checksum. */
const frameOf = (size: number): Uint8Array => {
  let content = size - 40;
  while (zstd.compress(random.bytes(content)).length < size) content += 1;
  const frame = zstd.compress(random.bytes(content));
  expect(frame.length).toBe(size);
  return frame;
};

const pairs: readonly Pair[] = [
  ...[119_999, 120_000, 120_001].map((size) => ({
    // Pieces of 10,000 bytes are proven six at once.
    name: `files of two frames, the first of ${size} bytes`,
    make: () =>
      Promise.resolve(
        [1, 2].map(() => Buffer.concat([frameOf(size), last])) as unknown as readonly [
          Uint8Array,
          Uint8Array,
        ],
      ),
  })),
  { name: "plain", make: () => Promise.resolve([text("A", 9_000_000), text("B", 9_000_000)]) },
  {
    name: "files of two frames, the first of one piece",
    make: () =>
      Promise.resolve([1, 2].map(() => Buffer.concat([zstd.compress(random.bytes(40_000)), last])) as never),
  },
  {
    name: "files of two frames, the first of many pieces",
    make: () =>
      Promise.resolve([1, 2].map(() => Buffer.concat([zstd.compress(random.bytes(900_000)), last])) as never),
  },
  {
    name: "frames without checksums",
    make: () =>
      Promise.resolve([1, 2].map(() => zstd.compress(random.bytes(900_000), { checksum: false })) as never),
  },
  {
    name: "seekable files of another writer",
    make: async () => [await seekable(random.bytes(1_500_000)), await seekable(random.bytes(1_500_000))],
  },
  {
    name: "base64 of several frames",
    make: () =>
      Promise.resolve(
        [1, 2].map(() => {
          const joined = Buffer.concat([zstd.compress(random.bytes(900_000)), last]);
          return Buffer.from(`zs1:${joined.toString("base64")}`);
        }) as never,
      ),
  },
];

const reads: readonly (readonly [string, Partial<StoreOptions>, (store: Store) => Promise<Uint8Array>])[] = [
  ["get in pieces of 256 KiB", { pieceSize: 256 * KIB, concurrency: 1 }, (store) => whole(store.get("v"))],
  ["get in pieces of 10,000 bytes", { pieceSize: 10_000, concurrency: 3 }, (store) => whole(store.get("v"))],
  ["getRange", {}, (store) => whole(store.getRange("v", 0))],
  ["getRange in pieces", { pieceSize: 100_000 }, (store) => whole(store.getRange("v", 10))],
];
const whole = async (stream: Promise<ReadableStream<Uint8Array> | null>): Promise<Uint8Array> =>
  collect((await stream)!);

async function contentOf(file: Uint8Array): Promise<Buffer> {
  const frame =
    Buffer.from(file).toString("latin1", 0, 4) === "zs1:"
      ? Buffer.from(Buffer.from(file).toString("latin1", 4), "base64")
      : Buffer.from(file);
  return frame[0] === 0x28 ? Buffer.from(zstd.decompress(frame, { maxSize: 1e8 })) : frame;
}

describe.skipIf(!redisAvailable())("replaced between two pieces", () => {
  const redis = useRedis();
  let rig: InProcess;
  beforeAll(async () => {
    rig = await startInProcess({ redis: redis().url, maxRequestSize: 1e9, maxResponseSize: 1e9 });
  });
  afterAll(() => rig.close());

  test.each(pairs)(
    "$name",
    async ({ make }) => {
      const [a, b] = await make();
      expect(a.length).toBe(b.length);
      const [old, fresh] = [await contentOf(a), await contentOf(b)];
      for (const scripts of [true, false]) {
        for (const [name, options, read] of reads) {
          let [ends, whole, changed, refused] = [0, 0, 0, 0];
          for (let after = 1; after < 14; after++) {
            await rig.command("SET", "v", a);
            let seen = 0;
            const { fetch } = hookFetch(rig.fetch, async ({ name: command, send }) => {
              if (!scripts && command === "EVAL_RO") return refusal("ERR unknown command 'EVAL_RO'");
              const response = await send();
              if (++seen === after) await rig.command("SET", "v", b);
              return response;
            });
            ends = Math.max(ends, seen);
            try {
              const got = Buffer.from(await read(rig.store({ ...options, fetch })));
              const from = name.startsWith("getRange in") ? 10 : 0;
              if (!got.equals(old.subarray(from)) && !got.equals(fresh.subarray(from))) {
                expect.fail(`${name}, replaced after request ${after}: a mixture of ${got.length} bytes`);
              }
              whole += 1;
            } catch (error) {
              const { code } = error as { code?: string };
              if (code === "VALUE_CHANGED") changed += 1;
              // Redis 7 has no DIGEST: the error names the way out.
              else if (code === "UNSUPPORTED" && (!scripts || a[0] === 0x7a)) refused += 1;
              // One frame is proven by its own checksum.
              else if (code !== "CHECKSUM_MISMATCH" && code !== "CORRUPT") throw error;
            }
          }
          if (scripts && a[0] !== 0x7a) expect(whole, name).toBeGreaterThan(0);
          expect(whole + changed + refused, name).toBeGreaterThan(0);
        }
      }
    },
    120_000,
  );

  test("one that is not replaced is read by every way that is not refused", async () => {
    for (const { make } of pairs) {
      const [a] = await make();
      const content = await contentOf(a);
      await rig.command("SET", "v", a);
      for (const [name, options, read] of reads) {
        if (a[0] === 0x7a && name.startsWith("get") && "pieceSize" in options) continue;
        const got = Buffer.from(await read(rig.store(options)));
        expect(got.equals(content.subarray(name.startsWith("getRange in") ? 10 : 0)), name).toBe(true);
      }
    }
  }, 60_000);
});

test("a server without scripts but with DIGEST proves the pieces", async () => {
  const [a, b] = [text("A", 900_000), text("B", 900_000)];
  let value = a;
  let requests = 0;
  const fetch = (_: string, { body }: RequestInit): Promise<Response> => {
    const commands = JSON.parse(body as string) as readonly (readonly (string | number)[])[];
    if (typeof commands[0] === "string") return Promise.resolve(refusal("ERR unknown command"));
    if (++requests === 4) value = b;
    const results = commands.map(([name, , first, end]) => {
      if (name === "PTTL") return -1;
      if (name === "STRLEN") return value.length;
      const to = Number(end) + 1;
      if (name === "DIGEST") return Buffer.from(value === a ? "aaaa" : "bbbb").toString("base64");
      const part = Number(first) < 0 ? value.subarray(Number(first)) : value.subarray(Number(first), to);
      return part.toString("base64");
    });
    return Promise.resolve(Response.json(results.map((result) => ({ result }))));
  };
  const rig = await startInProcess();
  const store = rig.store({ fetch: fetch as never, pieceSize: 100_000, concurrency: 1 });
  await expect(store.getBytes("v")).rejects.toMatchObject({ code: "VALUE_CHANGED" });
  expect(Buffer.from((await store.getBytes("v"))!).equals(b)).toBe(true);
  await rig.close();
});

test("the embedded server has DIGEST: values of others are read in pieces, and one that is replaced is an error", async () => {
  const rig = await startInProcess();
  let refused = 0;
  for (const { name, make } of pairs) {
    const [a, b] = await make();
    // Base64 of several frames is refused in pieces.
    if (a[0] === 0x7a || a.length > 1_000_000) continue;
    await rig.command("SET", "v", a);
    const options = { pieceSize: 10_000, concurrency: 1 };
    const got = Buffer.from(await whole(rig.store(options).get("v")));
    expect(got.equals(await contentOf(a)), name).toBe(true);
    const { fetch } = hookFetch(rig.fetch, async ({ number, name: command }) => {
      if (command === "multi-exec" && number === 9) await rig.command("SET", "v", b);
      return undefined;
    });
    const again = await whole(rig.store({ ...options, fetch }).get("v")).catch((error: unknown) => error);
    if (again instanceof Uint8Array) {
      // It was replaced before any of it was handed on, or when all of it was read.
      const [old, fresh] = [await contentOf(a), await contentOf(b)];
      expect(old.equals(again) || fresh.equals(again), name).toBe(true);
      continue;
    }
    refused += 1;
    expect(again, name).toMatchObject({
      code: expect.stringMatching(/^(VALUE_CHANGED|CHECKSUM_MISMATCH|CORRUPT)$/) as string,
    });
  }
  expect(refused).toBeGreaterThan(1);
  await rig.close();
});

test("where there is neither, the error says what to do; one piece is read all the same", async () => {
  const rig = await startInProcess();
  await rig.command("SET", "v", "x".repeat(5000));
  const { fetch } = hookFetch(rig.fetch, ({ init }) =>
    String(init.body).includes('"DIGEST"') ? refusal("ERR unknown command 'DIGEST'") : undefined,
  );
  const error = await rig
    .store({ pieceSize: 1000, fetch })
    .getBytes("v")
    .then(
      () => expect.fail("was read"),
      (thrown: unknown) => thrown,
    );
  expect(error).toMatchObject({
    code: "UNSUPPORTED",
    key: "v",
    message: expect.stringContaining("pieceSize"),
  });
  expect((await rig.store({ pieceSize: 5000 }).getBytes("v"))!.length).toBe(5000);
  await rig.close();
});
