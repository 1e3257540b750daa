/** Work that is reachable only from the signal that ends it is ended by it, whatever the garbage collector takes. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { anyOf, onAbort } from "../../src/signals.ts";

setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc") as () => void;
const collect = async (): Promise<void> => {
  for (let turn = 0; turn < 3; turn++) {
    gc();
    await new Promise((wake) => setTimeout(wake, 5));
  }
};

test.each([1, 2, 3])("a signal joined %i times ends whoever waits for it", async (depth) => {
  const outer = new AbortController();
  let told = 0;
  const wait = (): (() => void) => {
    let signal = outer.signal;
    for (let level = 0; level < depth; level++) signal = anyOf(signal, new AbortController().signal)!;
    return onAbort(signal, () => void told++);
  };
  wait();
  wait()();
  await collect();
  outer.abort();
  expect(told).toBe(1);
});

test("a joined signal that nobody waits for any more is collected", async () => {
  const outer = new AbortController();
  const make = (): WeakRef<AbortSignal> => {
    const signal = anyOf(outer.signal, new AbortController().signal)!;
    onAbort(signal, () => undefined)();
    return new WeakRef(signal);
  };
  const made = Array.from({ length: 10 }, make);
  await collect();
  expect(made.filter((ref) => ref.deref() !== undefined).length).toBeLessThan(3);
});
