/** Errors of a store name the key in their messages, whatever part of the way failed, and never a value. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadZstd } from "../../../src/codec/zstd.ts";
import { ZstashError, type ZstashErrorCode } from "../../../src/errors.ts";
import { collect, startInProcess, type InProcess } from "../../support/store/in-process.ts";

/** A key with what replacements and messages take for their own. */
const KEY = 'report: $& "daily"';
const SECRET = "the words of the value ";

const zstd = await loadZstd();
let rig: InProcess;
beforeAll(async () => {
  rig = await startInProcess();
});
afterAll(() => rig.close());

const frame = (): Uint8Array<ArrayBuffer> => zstd.compress(SECRET.repeat(200), { checksum: true });

function changed(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice();
  copy[(at + copy.length) % copy.length]! ^= 0xff;
  return copy;
}

test.each<[ZstashErrorCode, () => Uint8Array, (key: string) => Promise<unknown>]>([
  ["SIZE_LIMIT", frame, (key) => rig.store().getText(key, { maxSize: 1000 })],
  ["NOT_TEXT", () => zstd.compress(new Uint8Array(2000).fill(0xff)), (key) => rig.store().getText(key)],
  ["TRUNCATED", () => frame().subarray(0, -5), (key) => rig.store().getBytes(key)],
  ["CHECKSUM_MISMATCH", () => changed(frame(), -1), (key) => rig.store().getText(key)],
  ["CORRUPT", () => changed(frame(), 7), (key) => rig.store().getText(key)],
  ["CORRUPT", () => new TextEncoder().encode("zs1:KLUv/QQ!!!"), (key) => rig.store().getText(key)],
  ["TRUNCATED", () => frame().subarray(0, -5), async (key) => collect((await rig.store().get(key))!)],
  [
    "TRUNCATED",
    () => frame().subarray(0, -5),
    async (key) => collect((await rig.store().getRange(key, 0, 9))!),
  ],
])("%s names the key, and not the value", async (code, value, read) => {
  await rig.command("SET", KEY, Buffer.from(value()));
  const error: unknown = await read(KEY).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ZstashError);
  const { message, ...rest } = error as ZstashError;
  expect(rest).toMatchObject({ code, key: KEY });
  expect(message.split(JSON.stringify(KEY)).length, message).toBe(2);
  expect(message).toMatch(/^Cannot /);
  expect(message).not.toContain(SECRET.trim());
});

test("so does a request that fails", async () => {
  const broken = rig.store({ fetch: () => Promise.reject(new TypeError("no network")), retry: false });
  for (const call of [() => broken.getText(KEY), () => broken.put(KEY, "x"), () => broken.stat(KEY)]) {
    const error: unknown = await call().catch((thrown: unknown) => thrown);
    expect((error as ZstashError).message).toContain(JSON.stringify(KEY));
    expect((error as ZstashError).key).toBe(KEY);
  }
});
