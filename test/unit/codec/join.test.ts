import { expect, test } from "vitest";
import { joinInTurns } from "../../../src/codec/join.ts";
import { turnsDuring } from "../../support/event-loop.ts";
import { createRandom } from "../../support/random.ts";
import { expectBytes } from "../../support/expect-bytes.ts";

const bytes = createRandom(3).bytes(9 << 20);

test.each([0, 1, 4 << 20, (4 << 20) + 1, 9 << 20])("%i bytes in parts of any size", async (size) => {
  const parts: Uint8Array[] = [];
  const sizes = [0, 1, 65_536, 5 << 20, 3];
  for (let at = 0, index = 0; at < size; index++) {
    const part = bytes.subarray(at, Math.min(size, at + sizes[index % sizes.length]!));
    parts.push(part);
    at += part.length;
  }
  expectBytes(await joinInTurns(parts), bytes.subarray(0, size));
});

test("the event loop runs while many bytes are joined", async () => {
  const turns = await turnsDuring(() => joinInTurns([bytes]));
  expect(turns).toBeGreaterThan(1);
});
