/** A comparison of bytes whose failure says where they differ. */
import { expect } from "vitest";

/** Compares large arrays at memory speed, and says where they part: toEqual looks at every element, slowly. */
export function expectBytes(actual: Uint8Array, expected: Uint8Array): void {
  if (Buffer.compare(actual, expected) === 0) return;
  const at = expected.findIndex((byte, index) => actual[index] !== byte);
  expect.fail(
    `${actual.length} bytes differ from the ${expected.length} expected, first at ${at < 0 ? expected.length : at}`,
  );
}
