/** What the error of a reply says where several of its values do not decode: which keys, and which fields of one key. */
import { expect, test } from "vitest";
import { ZstashError } from "../../../src/errors.ts";
import { batchErrorText, zstashCode } from "../../../src/upstash/batch-error.ts";
import { combineFailures } from "../../../src/upstash/on-demand/failures.ts";
import type { PlannedReply } from "../../../src/upstash/plan.ts";

const planned: PlannedReply = { command: ["HGETALL", "h"], name: "HGETALL", reply: { shape: "pairs" } };
const failed = (key: string, field?: string): ZstashError =>
  new ZstashError("CORRUPT", "Cannot decode: damaged", { key, field });

test("one value keeps its own message, key and field", () => {
  const error = combineFailures([failed("h", "a")], planned);
  expect(error).toMatchObject({
    code: "CORRUPT",
    key: "h",
    keys: ["h"],
    field: "a",
    message: "Cannot decode: damaged",
  });
});

test("several fields of one key are named, up to ten", () => {
  const few = combineFailures([failed("h", "a"), failed("h", 'b "c"')], planned);
  expect(few.message).toBe(
    'Cannot decode 2 values of "h", fields "a", "b \\"c\\"" (HGETALL): the first is CORRUPT',
  );
  expect(few).toMatchObject({ key: "h", keys: ["h"] });
  expect("field" in few).toBe(false);
  const many = combineFailures(
    Array.from({ length: 12 }, (_, index) => failed("h", `f${index}`)),
    planned,
  );
  expect(many.message).toContain('"f9" and 2 more (HGETALL)');
});

test("several keys are named, and a pipeline's text names them too", () => {
  const error = combineFailures([failed("a"), failed("b")], { ...planned, name: "MGET" });
  expect(error).toMatchObject({ keys: ["a", "b"] });
  expect(error.key).toBeUndefined();
  const text = batchErrorText(error);
  expect(text).toBe('ZSTASH_CORRUPT Cannot decode 2 values of "a", "b" (MGET): the first is CORRUPT');
  expect(zstashCode(`Command failed: ${text}`)).toBe("CORRUPT");
});
