/**
 * A database in use, and a fleet of twenty clients of all modes, carriers and versions that reads and writes it in every
 * step of a rollout. 5,000 values; with ZSTASH_LONG=1 it is 50,000.
 */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { Redis as StockRedis } from "@upstash/redis";
import { afterAll, beforeAll, expect } from "vitest";
import type { Estimate } from "../../../src/cli/estimate/estimate.ts";
import { createDevServer, type DevServer } from "../../../src/dev/index.ts";
import { createMetrics } from "../../../src/metrics/index.ts";
import { createDictionaryManager } from "../../../src/life-cycle/index.ts";
import { trainDictionary } from "../../../src/train/index.ts";
import { loadFrozen, type Frozen } from "../../support/frozen.ts";
import { createRandom, type Random } from "../../support/random.ts";
import { root } from "../../support/repository.ts";
import {
  deploy,
  formIn,
  refusalIn,
  showsFrame,
  type Address,
  type FleetOptions,
  type Form,
  type Member,
  type Step,
} from "./rig.ts";
import { COUNT, keyOf, looksStored, valueOf, versionIn } from "./values-rig.ts";

const AT_ONCE = 100;

/** Of what `zstash migrate --json` prints. */
interface Migrated {
  readonly keys: number;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}

/** What a step showed. */
export interface Played {
  readonly members: readonly Member[];
  /** How the values lie afterwards. */
  readonly counts: Readonly<Partial<Record<Form, number>>>;
  /** What became of reads. */
  readonly told: ReadonlyMap<string, number>;
}

/** The database, the fleet, and what the program does to them. */
export interface Rollout {
  /** One step: the fleet is deployed, works while `work` runs, and then reads everything. */
  play(step: Step, work?: () => Promise<unknown>, writing?: boolean): Promise<Played>;
  pause(): Promise<void>;
  migrate(...flags: string[]): Promise<void>;
  runEstimate(): Promise<Estimate>;
  expectEstimate(name: string): Promise<void>;
  refusals(seen: ReadonlyMap<string, number>): string[];
  toPrometheus(): string;
  /** A client without zstash. */
  stock(): StockRedis;
  readonly written: readonly number[];
  readonly lookalikes: number;
  readonly timeout: number;
}

/** Prepares the database before the tests of a file. */
export function useRollout(): Rollout {
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

  const stock = (): StockRedis =>
    new StockRedis({ ...address, enableTelemetry: false, automaticDeserialization: false });
  const toPrometheus = (): string => metrics.toPrometheus();
  return {
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
  };
}
