/** Hostile names: whatever a program keeps under a name like a temporary key's, sweep lists and removes none of it. */
import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadZstd } from "../../../src/codec/zstd.ts";
import { temporaryKey, UPLOAD_MARK } from "../../../src/store/temporary-key.ts";
import { seededRandom } from "../../support/random.ts";
import { startInProcess, type InProcess } from "../../support/store/in-process.ts";

let rig: InProcess;
beforeAll(async () => {
  rig = await startInProcess();
});
afterAll(() => rig.close());

test("keys that only look like temporary keys stay", async () => {
  const zstd = await loadZstd();
  const random = seededRandom(11);
  const contents = [
    "precious",
    "",
    UPLOAD_MARK,
    "\0".repeat(500),
    zstd.compress("precious"),
    `zs1:${"A".repeat(40)}`,
  ];
  const prefixes = ["", "pages", "a:zstash:b", "{tag}", "日本", "line\nbreak", "*", "x:zstash:"];
  const own = new Map<string, string | Uint8Array>();
  for (let round = 0; round < 400; round++) {
    const prefix = prefixes[random.below(prefixes.length)]!;
    const content = contents[random.below(contents.length)]!;
    own.set(`${prefix}:zstash:${createHash("md5").update(`${round}`).digest("hex")}`, content);
    // Even under a name of ours, what no upload wrote stays.
    if (content === "precious" || typeof content !== "string")
      own.set(temporaryKey(`${prefix}${round}`), content);
  }
  for (const [key, content] of own) await rig.command("SET", key, content);
  const uploads = Array.from({ length: 20 }, (_, index) => temporaryKey(`upload ${index}`));
  for (const key of uploads) await rig.command("SET", key, UPLOAD_MARK);
  const store = rig.store();
  const found: string[] = [];
  for await (const { key } of store.temporaryKeys()) found.push(key);
  expect(found.sort()).toEqual(uploads.toSorted());
  const foreign = [...own.keys()][0]!;
  await expect(store.removeTemporaryKeys([foreign])).rejects.toThrow(RangeError);
  // One that holds something else by now is not removed.
  await rig.command("SET", uploads[0]!, "precious");
  expect(await store.removeTemporaryKeys(found)).toBe(uploads.length - 1);
  expect(await rig.number("DBSIZE")).toBe(own.size + 1);
});
