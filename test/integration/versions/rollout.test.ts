/**
 * A rollout as docs/rollout.md has it, on a real database with live traffic: estimate, shadow, read-only, on, every mix, migrate, undo.
 * Twenty clients of all modes, carriers and versions, and stock clients, read every value at every step. 5,000 values; with
 * ZSTASH_LONG=1 it is 50,000.
 */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { Redis as StockRedis } from "@upstash/redis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Estimate } from "../../../src/cli/estimate/estimate.ts";
import { createDevServer, type DevServer } from "../../../src/dev/index.ts";
import { createMetrics } from "../../../src/metrics/index.ts";
import { createDictionaryManager } from "../../../src/life-cycle/index.ts";
import type { Store } from "../../../src/store/index.ts";
import { trainDictionary } from "../../../src/train/index.ts";
import type { CompressionMode } from "../../../src/upstash/index.ts";
import { loadFrozen, type Frozen } from "../../support/frozen.ts";
import { createRandom, type Random } from "../../support/random.ts";
import { redisAvailable } from "../../support/redis.ts";
import { root } from "../../support/repository.ts";
import {
  deploy,
  deployStores,
  formIn,
  refusalIn,
  showsFrame,
  type Address,
  type FleetOptions,
  type Form,
  type Member,
  type Step,
} from "./rig.ts";

const COUNT = process.env["ZSTASH_LONG"] === "1" ? 50_000 : 5_000;
/** Values of the store among them. */
const STORED = Math.floor(COUNT / 100);
const AT_ONCE = 100;

/** Of what `zstash migrate --json` prints. */
interface Migrated {
  readonly keys: number;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}

const keyOf = (index: number): string => `v:${index}`;
/** Texts that look like stored values, which zstash wraps in every mode; a client without it would store them as they are. */
const looksStored = (index: number): boolean => index % 97 === 5;

/** The value that was made last for each key: most reads are of it. */
const made: { readonly version: number; readonly text: string }[] = [];

/** The value of a key in a version: whoever reads it can tell whether it is whole, and which it is. */
function valueOf(index: number, version: number): string {
  const known = made[index];
  if (known?.version === version) return known.text;
  const text = makeValue(index, version);
  made[index] = { version, text };
  return text;
}

function makeValue(index: number, version: number): string {
  const head = `${index}.${version}|`;
  if (looksStored(index)) return `zs1:KLUv/Sx ${head}${"and so on ".repeat(index % 50)}`;
  const random = createRandom(index * 1000 + version);
  const user = (): object => ({
    id: random.below(100_000),
    name: `user ${random.below(50)}`,
    city: random.pick(["東京", "Zürich", "New York", "São Paulo"]),
    tags: ["a", "b", "c"].slice(0, random.below(4)),
  });
  const list = (count: number): string => JSON.stringify(Array.from({ length: count }, user));
  const noise = (size: number): string =>
    Buffer.from(Array.from({ length: size }, () => random.below(256))).toString("base64");
  switch (index % 8) {
    case 0:
      return head;
    case 1:
    case 2:
      return head + list(2 + random.below(4));
    case 3:
    case 4:
      return head + list(15 + random.below(30));
    case 5:
      return head + noise(1500);
    case 6:
      return head + "one line of a log, much like the next\n".repeat(30 + random.below(30));
    default:
      return head + (index % 64 === 7 ? list(250) : `\uFEFF🙂 ${list(1)}`);
  }
}

/** The version of a value that was read; an error if it is none of that key's. */
function versionIn(text: string, index: number): number {
  const match = /^(?:zs1:KLUv\/Sx )?(\d+)\.(\d+)\|/.exec(text);
  const version = Number(match?.[2]);
  if (Number(match?.[1]) !== index || text !== valueOf(index, version))
    throw new Error(`${keyOf(index)} was read wrong: ${JSON.stringify(text.slice(0, 60))}`);
  return version;
}

describe.runIf(redisAvailable())("a rollout and its rollback", () => {
  let server: DevServer;
  let frozen: Frozen;
  let address: Address;
  let options: FleetOptions;
  const metrics = createMetrics();
  /** The version of each value that was acknowledged last. */
  const written: number[] = Array.from({ length: COUNT }, () => 0);
  /** What became of reads, by step and client. */
  const told = new Map<string, number>();
  const tell = (what: string, count = 1): void => void told.set(what, (told.get(what) ?? 0) + count);

  beforeAll(async () => {
    server = await createDevServer({ backend: "redis-server" });
    address = { url: (await server.listen()).url, token: server.token };
    frozen = await loadFrozen();
    const samples = Array.from({ length: 2000 }, (_, index) => valueOf(index * 8 + 1, 0));
    const { dictionary } = await trainDictionary(samples, { maxSize: 16_384 });
    const manager = createDictionaryManager(address);
    await manager.publish(dictionary, { pattern: "v:*" });
    await manager.promote("v:*");
    options = { address, frozen, dictionaries: [dictionary], onEvent: metrics.onEvent };
    // The database as it was before zstash, written by a stock client.
    const stock = new StockRedis({ ...address, enableTelemetry: false });
    for (let start = 0; start < COUNT; start += 500) {
      const pipeline = stock.pipeline();
      for (let index = start; index < Math.min(COUNT, start + 500); index++)
        if (!looksStored(index))
          pipeline.set(keyOf(index), valueOf(index, 0), index % 3 === 0 ? { ex: 90_000 } : {});
      await pipeline.exec();
    }
    const [writer] = deploy({ name: "", mode: () => "read-only", mixed: false }, options).filter(({ name }) =>
      name.startsWith("withCompression,"),
    );
    for (let index = 0; index < COUNT; index++)
      if (looksStored(index)) await writer!.client.set(keyOf(index), valueOf(index, 0));
  }, 600_000);
  afterAll(async () => {
    frozen.remove();
    await server.close();
  });

  /** The bytes under keys, by no code of zstash's clients. */
  const bytesOf = async (keys: readonly string[]): Promise<Uint8Array[]> => {
    const response = await fetch(`${address.url}/pipeline`, {
      method: "POST",
      headers: { authorization: `Bearer ${address.token}`, "upstash-encoding": "base64" },
      body: JSON.stringify(keys.map((key) => ["GET", key])),
    });
    const replies = (await response.json()) as { readonly result: string }[];
    return replies.map(({ result }) => Buffer.from(result, "base64"));
  };
  const formsOf = async (indexes: readonly number[]): Promise<Form[]> =>
    (await bytesOf(indexes.map(keyOf))).map(formIn);
  /** How all values lie, counted. */
  const census = async (): Promise<Readonly<Partial<Record<Form, number>>>> => {
    const counts: Partial<Record<Form, number>> = {};
    for (let start = 0; start < COUNT; start += 1000) {
      const indexes = Array.from({ length: Math.min(1000, COUNT - start) }, (_, at) => start + at);
      for (const form of await formsOf(indexes)) counts[form] = (counts[form] ?? 0) + 1;
    }
    return counts;
  };

  /** Reads one value: it is right, or the member says or shows that it cannot read what lies there. */
  const readOne = async (member: Member, index: number): Promise<void> => {
    const least = written[index]!;
    let text: string | null;
    try {
      text = await member.client.get<string>(keyOf(index));
    } catch (error) {
      const code = refusalIn(error);
      // Who reads every form has no reason to refuse one.
      if (code === undefined || member.reads.size === 5) throw error;
      return tell(`${member.name}: ${code}`);
    }
    judge(member, index, text, least);
  };
  const judge = (member: Member, index: number, text: string | null, least: number): void => {
    if (text === null) throw new Error(`${keyOf(index)} is gone for ${member.name}`);
    if (member.looksThrough && showsFrame(text)) return tell(`${member.name}: shows a frame`);
    const version = versionIn(text, index);
    if (version < least)
      throw new Error(`${keyOf(index)} is stale for ${member.name}: ${version} < ${least}`);
    tell("right");
  };
  const write = async (member: Member, index: number): Promise<void> => {
    const version = written[index]! + 1;
    // KEEPTTL would make it text: a request of bytes takes options with values alone.
    await member.client.set(keyOf(index), valueOf(index, version), index % 3 === 0 ? { ex: 90_000 } : {});
    written[index] = version;
  };

  /** Every member reads, and writers write values of their own, until `until` settles. */
  const traffic = async (
    members: readonly Member[],
    until: Promise<unknown>,
    writing: boolean,
  ): Promise<void> => {
    let ended = false;
    const ending = until.finally(() => (ended = true));
    const writers = members.filter(({ writes }) => writes !== undefined);
    const text = writers.findIndex(({ name }) => name.startsWith("withCompression,"));
    const loops = members.map(async (member, number) => {
      const random: Random = createRandom(number + 1);
      const place = writers.indexOf(member);
      for (let round = 0; !ended; round++) {
        const index = random.below(COUNT);
        if (random.below(3) > 0 || place < 0 || !writing) {
          await readOne(member, index);
          continue;
        }
        // Each value has one writer, so that its versions have an order; a lone one those that look like stored values.
        const mine = index - (index % writers.length) + place;
        const isTheirs = place !== text || member.looksThrough;
        if (mine >= COUNT || (looksStored(mine) && isTheirs)) continue;
        await write(member, mine);
        await readOne(member, mine);
      }
    });
    await Promise.all([ending, ...loops]);
  };

  /** Every member reads every value, while nobody writes: what it cannot read it must not be able to. */
  const readAll = async (members: readonly Member[]): Promise<void> => {
    const all = Array.from({ length: COUNT }, (_, index) => index);
    for (let start = 0; start < COUNT; start += AT_ONCE) {
      const indexes = all.slice(start, start + AT_ONCE);
      const forms = await formsOf(indexes);
      for (const member of members) {
        const readable = indexes.filter((_, at) => member.reads.has(forms[at]!));
        if (readable.length > 0) {
          const texts = await member.client.mget<(string | null)[]>(...readable.map(keyOf));
          readable.forEach((index, at) => judge(member, index, texts[at]!, written[index]!));
        }
        // Of the others a few: each is a request.
        const others = indexes.filter((_, at) => !member.reads.has(forms[at]!)).slice(0, 2);
        for (const index of others) {
          const before = told.get("right") ?? 0;
          await readOne(member, index);
          expect(told.get("right") ?? 0, `${member.name} read what it cannot: ${keyOf(index)}`).toBe(before);
        }
      }
    }
  };

  /** One step: the fleet is deployed, works, and then reads everything. */
  const play = async (step: Step, work: () => Promise<unknown> = () => pause(), writing = true) => {
    told.clear();
    const members = deploy(step, options);
    expect(members).toHaveLength(20);
    await traffic(members, work(), writing);
    const busy = told.get("right") ?? 0;
    await readAll(members);
    const counts = await census();
    const seen = [...told].filter(([what]) => what !== "right").reduce((sum, [, number]) => sum + number, 0);
    console.log(
      `${step.name}: ${busy} reads right in traffic, ${(told.get("right") ?? 0) - busy} of all values; ` +
        `${seen} refused or shown as frames; ${JSON.stringify(counts)}`,
    );
    return { members, counts, told: new Map(told) };
  };
  const pause = (): Promise<void> =>
    new Promise((resolve) => setTimeout(resolve, process.env["ZSTASH_LONG"] === "1" ? 20_000 : 3_000));
  const lookalikes = Array.from({ length: COUNT }, (_, index) => index).filter(looksStored).length;
  const timeout = process.env["ZSTASH_LONG"] === "1" ? 1_800_000 : 600_000;
  /** Refusals of zstash's clients; a stock client shows what lies there. */
  const refusals = (seen: ReadonlyMap<string, number>): string[] =>
    [...seen.keys()].filter((what) => /UNSUPPORTED|DICTIONARY_UNKNOWN/.test(what));

  /** What the program prints with --json. */
  const zstash = async (...args: string[]): Promise<unknown> => {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [join(root, "dist/cli/main.js"), ...args, "--keys", "v:*", "--rate", "0", "--json"],
      {
        env: { ...process.env, UPSTASH_REDIS_REST_URL: address.url, UPSTASH_REDIS_REST_TOKEN: address.token },
      },
    );
    return JSON.parse(stdout);
  };
  /** Rewrites every value by `zstash migrate`, whose compare-and-set loses no write of the fleet, which goes on. */
  const migrate = async (...flags: string[]): Promise<void> =>
    expect(await zstash("migrate", "--apply", ...flags)).toMatchObject({ applied: true, complete: true });
  const runEstimate = async (): Promise<Estimate> =>
    (await zstash("estimate", "--no-dictionary")) as Estimate;
  /** While nobody writes: what a migration would find lies in each interval of the estimate. */
  const expectEstimate = async (name: string): Promise<void> => {
    const { keys, total } = await runEstimate();
    const text = (await zstash("migrate")) as Migrated;
    const raw = (await zstash("migrate", "--carrier", "raw")) as Migrated;
    expect([keys, text.keys]).toEqual([COUNT, COUNT]);
    console.log(
      `${name}: by estimate ${JSON.stringify(total.after.text)} of ${total.now.estimate}, ` +
        `by migrate ${text.bytesAfter} of ${text.bytesBefore}`,
    );
    for (const [interval, truth] of [
      [total.now, text.bytesBefore],
      [total.after.text, text.bytesAfter],
      [total.after.raw, raw.bytesAfter],
      [total.share.text, text.bytesAfter / text.bytesBefore],
    ] as const) {
      expect(truth).toBeGreaterThanOrEqual(interval.low);
      expect(truth).toBeLessThanOrEqual(interval.high);
    }
    expect(total.after.text.high - total.after.text.low).toBeLessThan(total.after.text.estimate * 0.1);
  };

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
    const text = metrics.toPrometheus();
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

  test("values of the store: both versions read what the other has put", { timeout }, async () => {
    const stores = deployStores(options);
    const contentOf = (index: number): string =>
      `${index}|${valueOf(index * 8 + 3, 1).repeat(1 + (index % 9))}`;
    const layouts = [{}, { layout: { frameSize: 2048 } }, { layout: { mtu: 1500 } }] as const;
    const each = async (
      work: (index: number, store: (at: number) => Store) => Promise<void>,
    ): Promise<void> => {
      for (let start = 0; start < STORED; start += 10)
        await Promise.all(
          Array.from({ length: Math.min(10, STORED - start) }, (_, at) =>
            work(start + at, (number) => stores[number % stores.length]!),
          ),
        );
    };
    await each(async (index, store) => {
      await store(index).put(`s:${index}`, contentOf(index), layouts[Math.floor(index / 3) % 3]);
    });
    await each(async (index, store) => {
      for (let number = 0; number < stores.length; number++)
        expect(await store(number).getText(`s:${index}`)).toBe(contentOf(index));
    });
  });

  const ttlOf = async (index: number): Promise<number> =>
    new StockRedis({ ...address, enableTelemetry: false }).ttl(keyOf(index));

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
    const stock = new StockRedis({ ...address, enableTelemetry: false, automaticDeserialization: false });
    for (let index = 0; index < COUNT; index += 7) {
      if (looksStored(index)) continue;
      const text = await stock.get<string>(keyOf(index));
      expect(versionIn(text!, index)).toBe(written[index]);
    }
  });

  test("docs/rollout.md names these steps in this order, and metrics and alerts that there are", () => {
    const page = readFileSync(join(root, "docs/rollout.md"), "utf8");
    const steps = [...page.matchAll(/^### \d\. (.+)$/gm)].map(([, title]) => title);
    expect(steps).toEqual(["Estimate", "Shadow", "Read-only", "On", "Migrate", "Undo"]);
    const names = metrics.toPrometheus();
    for (const [name] of page.matchAll(/zstash_[a-z_]+/g)) expect(names).toContain(`# TYPE ${name} `);
    const alerts = readFileSync(join(root, "examples/prometheus/alerts.yml"), "utf8");
    const known = [...alerts.matchAll(/alert: (\w+)/g)].map(([, name]) => name!);
    for (const name of known) expect(page).toContain(`\`${name}\``);
  });
});
