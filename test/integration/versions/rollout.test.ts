/**
 * A rollout as docs/rollout.md has it, on a real database with live traffic: estimate, shadow, read-only, on, every mix, migrate, undo.
 * Twenty clients of all modes, carriers and versions, and stock clients, read every value at every step. 5,000 values; with
 * ZSTASH_LONG=1 it is 50,000.
 */
import { describe, expect, test } from "vitest";
import type { Estimate } from "../../../src/cli/estimate/estimate.ts";
import type { CompressionMode } from "../../../src/upstash/index.ts";
import { redisAvailable } from "../../support/redis.ts";
import type { Step } from "./rig.ts";
import { useRollout } from "./rollout-rig.ts";
import { COUNT, keyOf, looksStored, versionIn } from "./values-rig.ts";

describe.runIf(redisAvailable())("a rollout and its rollback", () => {
  const {
    play,
    pause,
    migrate,
    runEstimate,
    expectEstimate,
    refusals,
    toPrometheus,
    stock,
    written,
    lookalikes,
    timeout,
  } = useRollout();

  test(
    "estimate, while clients without compression work: what migrate would find lies in the interval",
    { timeout },
    async () => {
      let during: Estimate | undefined;
      const step: Step = { name: "estimate", mode: () => "passthrough", mixed: false };
      const { counts, told: seen } = await play(step, async () => {
        during = await runEstimate();
        await pause();
      });
      expect(during?.keys).toBe(COUNT);
      expect(counts).toEqual({ plain: COUNT - lookalikes, text: lookalikes });
      expect(refusals(seen)).toEqual([]);
      await expectEstimate("estimate");
    },
  );

  test("shadow: nothing changes in Redis, and the figures say what it would save", { timeout }, async () => {
    const { counts, told: seen } = await play({ name: "shadow", mode: () => "shadow", mixed: false });
    expect(counts).toEqual({ plain: COUNT - lookalikes, text: lookalikes });
    expect(refusals(seen)).toEqual([]);
    const text = toPrometheus();
    expect(text).toMatch(/zstash_values_total\{outcome="shadow",reason=""\} [1-9]/);
    expect(text).toMatch(/zstash_values_total\{outcome="compressed",reason=""\} 0\n/);
  });

  test("read-only: every reader of the fleet can read, before anybody writes", { timeout }, async () => {
    const { counts, told: seen } = await play({ name: "read-only", mode: () => "read-only", mixed: false });
    expect(counts).toEqual({ plain: COUNT - lookalikes, text: lookalikes });
    expect(refusals(seen)).toEqual([]);
  });

  test(
    "on, half of the writers, then all: every client of zstash reads all, 0.1.0 too",
    { timeout },
    async () => {
      const half = (index: number): CompressionMode => (index % 2 === 0 ? "on" : "read-only");
      for (const mode of [half, (): CompressionMode => "on"]) {
        const { counts, told: seen } = await play({ name: "on", mode, mixed: false });
        expect(Object.keys(counts).toSorted()).toEqual(["plain", "text"]);
        expect(counts.text).toBeGreaterThan(lookalikes);
        expect(refusals(seen)).toEqual([]);
        // Old readers see the frames, and nothing that could be taken for a value.
        expect(seen.get("a stock client: shows a frame")).toBeGreaterThan(0);
      }
    },
  );

  test(
    "every mix of modes, carriers and dictionaries: who cannot read a form says so",
    { timeout },
    async () => {
      const modes: readonly CompressionMode[] = [
        "on",
        "on",
        "on",
        "shadow",
        "on",
        "read-only",
        "passthrough",
      ];
      const mode = (index: number): CompressionMode => modes[index % modes.length]!;
      const { members, counts, told: seen } = await play({ name: "mix", mode, mixed: true });
      expect(new Set(members.map(({ name }) => name)).size).toBe(20);
      for (const form of ["plain", "text", "raw", "raw with a dictionary"] as const)
        expect(counts[form], form).toBeGreaterThan(0);
      // A client of text cannot read bytes, 0.1.0 has no dictionaries: both say it by a code.
      expect(seen.get("withCompression that only reads: UNSUPPORTED")).toBeGreaterThan(0);
      expect(seen.get("zstash/redis that only reads: DICTIONARY_UNKNOWN")).toBeGreaterThan(0);
      for (const what of refusals(seen)) expect(what).not.toMatch(/^zstash\/redis with (a list|auto)/);
    },
  );

  const ttlOf = async (index: number): Promise<number> => stock().ttl(keyOf(index));

  test(
    "migrate, while the fleet works: every value that is worth it is compressed",
    { timeout },
    async () => {
      await expectEstimate("estimate before migrate");
      const step: Step = { name: "migrate", mode: () => "on", mixed: false };
      // Members that read every form, for dictionaries are still about.
      const { counts } = await play(step, () => migrate(), true);
      const compressed = counts.text! + (counts.raw ?? 0) + (counts["raw with a dictionary"] ?? 0);
      expect(compressed).toBeGreaterThan(COUNT * 0.3);
      expect(await ttlOf(0)).toBeGreaterThan(80_000);
      expect(await ttlOf(1)).toBe(-1);
    },
  );

  test("undo: what a client without zstash reads is what it read before", { timeout }, async () => {
    const step: Step = { name: "undo", mode: () => "read-only", mixed: false };
    const { counts, told: before } = await play(step, () => migrate("--undo"), true);
    expect(counts).toEqual({ plain: COUNT - lookalikes, text: lookalikes });
    // As long as there are bytes, clients of text say so; afterwards nobody has anything to say.
    for (const what of refusals(before)) expect(what).toMatch(/UNSUPPORTED|DICTIONARY_UNKNOWN/);
    const { told: after } = await play(step);
    expect(refusals(after)).toEqual([]);
    expect(await ttlOf(0)).toBeGreaterThan(80_000);
    const client = stock();
    for (let index = 0; index < COUNT; index += 7) {
      if (looksStored(index)) continue;
      const text = await client.get<string>(keyOf(index));
      expect(versionIn(text!, index)).toBe(written[index]);
    }
  });
});
