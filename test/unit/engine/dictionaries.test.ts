import { describe, expect, test } from "vitest";
import { DigestedDictionaries } from "../../../src/engine/dictionaries.ts";
import type { LinearMemory } from "../../../src/engine/memory.ts";
import type { Dictionary } from "../../../src/format/dictionary.ts";
import { createRandom } from "../../support/random.ts";

const dictionary = (id: number, size: number): Dictionary => ({ id, bytes: new Uint8Array(size) });

/** A cache over memory that only counts: what is digested, and how often anything was. */
function cache(sizeMax: number, factor?: number) {
  const live = new Map<number, number>();
  const made = { count: 0 };
  let next = 1;
  const bytes = new Uint8Array(1 << 20);
  const memory = {
    allocate: () => ({ address: 0, capacity: 0, owned: true, size: 0 }),
    release: () => undefined,
    bytes: () => bytes,
  } as unknown as LinearMemory;
  const free = (address: number): number => (live.delete(address) ? 0 : -1);
  const digested = new DigestedDictionaries(memory, free, sizeMax, factor);
  return {
    live,
    made,
    get: (one: Dictionary, name = `${one.id}`): number =>
      digested.get(name, one, (_, size) => {
        made.count += 1;
        live.set(next, size);
        return next++;
      }),
    clear: () => digested.clear(),
  };
}

describe("digested dictionaries", () => {
  test("frames that alternate dictionaries digest each of them once", () => {
    const many = Array.from({ length: 60 }, (_, id) => dictionary(id + 1, 112 << 10));
    const { get, made, live } = cache(16 << 20);
    for (let round = 0; round < 50; round++) for (const one of many) get(one);
    expect(made.count).toBe(60);
    expect(live.size).toBe(60);
  });

  test("take no more than they may, whatever comes", () => {
    const random = createRandom(13);
    const many = Array.from({ length: 60 }, (_, id) => dictionary(id + 1, random.logUniform(9, 500_000)));
    for (const factor of [1, 8]) {
      const { get, live } = cache(4 << 20, factor);
      for (let round = 0; round < 2000; round++) {
        const one = many[random.below(many.length)]!;
        const address = get(one);
        expect(live.get(address)).toBe(one.bytes.length);
        const size = [...live.values()].reduce((sum, bytes) => sum + bytes * factor, 0);
        expect(size).toBeLessThanOrEqual(4 << 20);
      }
    }
  });

  test("one that is larger than all may be is kept alone", () => {
    const { get, live, made } = cache(1 << 20);
    const [large, small] = [dictionary(1, (1 << 20) - 1), dictionary(2, 100)];
    get(small);
    for (let round = 0; round < 3; round++) get(large);
    expect(made.count).toBe(2);
    expect([...live.values()]).toEqual([large.bytes.length]);
    get(small);
    expect([...live.values()]).toEqual([100]);
  });

  test("another dictionary of the same name takes its place", () => {
    const { get, live, clear } = cache(1 << 20);
    for (let round = 0; round < 100; round++) get(dictionary(1, 100_000));
    expect(live.size).toBe(1);
    clear();
    expect(live.size).toBe(0);
  });
});
