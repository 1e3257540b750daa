/** Runs the same steps on a plain and on a compressing client, and says where they differ. */
import { isDeepStrictEqual } from "node:util";
import type { Redis } from "@upstash/redis";
import type { Random } from "../../support/random.ts";
import { allKeys, bits, type Operation, type View } from "../../support/equality/draw.ts";
import type { Operations } from "../../support/equality/operations.ts";
import type { Pair } from "../../support/equality/servers.ts";

export type Step =
  | { readonly kind: "one"; readonly operations: readonly [Operation] }
  /** At once: the client may put them into pipelines of its own. */
  | { readonly kind: "batch"; readonly operations: readonly Operation[] }
  | {
      readonly kind: "pipeline" | "multi";
      readonly operations: readonly Operation[];
      readonly keepErrors: boolean;
    };

type Outcome = { readonly value: unknown } | { readonly failed: string };
type Method = (...args: readonly unknown[]) => unknown;

/** Draws a step. The operations of a batch touch keys of their own, since nothing orders them. */
export function drawStep(random: Random, operations: Pick<Operations, "next">): Step {
  const kind = random.below(10);
  if (kind < 4) return { kind: "one", operations: [operations.next()] };
  const drawn = Array.from({ length: random.logUniform(1, kind < 7 ? 16 : 8) }, () => operations.next());
  if (kind < 7) {
    const taken = new Set<string>();
    const apart = drawn.filter(({ keys }) => {
      if (keys === undefined || keys.some((key) => taken.has(key))) return false;
      for (const key of keys) taken.add(key);
      return true;
    });
    return { kind: "batch", operations: apart };
  }
  const together = drawn.filter(({ alone }) => alone !== true);
  if (together.length === 0) return { kind: "one", operations: [operations.next()] };
  return { kind: kind < 9 ? "pipeline" : "multi", operations: together, keepErrors: random.below(3) > 0 };
}

/** How often each command has given something but an error and nothing, by its name in upper case. */
export const answered: Map<string, number> = new Map();

/** Runs the step on both clients. Throws where their results or errors differ. */
export async function compareStep(step: Step, { plain, wrapped }: Pair): Promise<void> {
  const [wanted, got] = await Promise.all([runStep(step, plain), runStep(step, wrapped)]);
  count(step, wanted);
  if (isDeepStrictEqual(got, wanted)) return;
  throw new Error(
    `${describeStep(step)}\n  plain:   ${shorten(wanted)}\n  wrapped: ${shorten(got)}${firstDifference(wanted, got)}`,
  );
}

/** Compares what the two databases hold, as it reads through the two clients. Throws where it differs. */
export async function compareDatabases(pair: Pair): Promise<number> {
  const keys = [...allKeys, ...bits];
  const about = keys.flatMap((key): Operation[] => [
    { method: "type", args: [key], view: "exact", keys: [key] },
    { method: "pttl", args: [key], view: "milliseconds", keys: [key] },
  ]);
  // The size last: looking at keys removes those that are over.
  const size: Operation = { method: "dbsize", args: [], view: "exact", keys: undefined };
  await compareStep({ kind: "pipeline", operations: [...about, size], keepErrors: true }, pair);

  const types = keys.reduce((pipeline, key) => pipeline.type(key), pair.plain.pipeline());
  const typed = (await types.exec()) as string[];
  const operations = keys.flatMap((key, index): Operation[] => {
    const read = bits.includes(key) ? undefined : reads[typed[index]!];
    return read === undefined ? [] : [{ ...read(key), keys: [key] }];
  });
  if (operations.length > 0) await compareStep({ kind: "batch", operations }, pair);
  return typed.filter((type) => type !== "none").length;
}

type Read = Omit<Operation, "keys">;
const reads: Readonly<Record<string, (key: string) => Read>> = {
  string: (key) => ({ method: "get", args: [key], view: "exact" }),
  hash: (key) => ({ method: "hgetall", args: [key], view: "pairs" }),
  list: (key) => ({ method: "lrange", args: [key, 0, -1], view: "exact" }),
  set: (key) => ({ method: "smembers", args: [key], view: "list" }),
  zset: (key) => ({ method: "zrange", args: [key, 0, -1, { withScores: true }], view: "exact" }),
  stream: (key) => ({ method: "xrange", args: [key, "-", "+"], view: "exact" }),
};

function runStep(step: Step, client: Redis): Promise<unknown> {
  const { kind, operations } = step;
  if (kind === "one" || kind === "batch") {
    return Promise.all(
      operations.map((operation) =>
        settle(async () => {
          const { method, args, view, pages } = operation;
          const run = (client as unknown as Record<string, Method>)[method]!;
          if (pages === undefined) return see(view, await run(...args));
          const items: unknown[] = [];
          let cursor: unknown = args[pages];
          do {
            const page = (await run(...args.with(pages, cursor))) as [string, unknown[]];
            items.push(...page[1]);
            cursor = page[0];
          } while (`${cursor as string}` !== "0");
          return see(view, unrepeated(view, items));
        }),
      ),
    );
  }
  return settle(async () => {
    const pipeline = kind === "multi" ? client.multi() : client.pipeline();
    for (const { method, args } of operations)
      (pipeline as unknown as Record<string, Method>)[method]!(...args);
    if (!step.keepErrors) {
      const results = await (pipeline.exec() as Promise<unknown[]>);
      return operations.map(({ view }, index) => see(view, results[index]));
    }
    const results = (await pipeline.exec({ keepErrors: true })) as readonly {
      result: unknown;
      error?: string;
    }[];
    return operations.map(({ view }, index) => {
      const { result, error } = results[index]!;
      return { result: see(view, result), error };
    });
  });
}

function count({ operations }: Step, outcome: unknown): void {
  const outcomes = (
    Array.isArray(outcome) ? outcome : ((outcome as { value?: unknown[] }).value ?? [])
  ) as unknown[];
  for (const [index, { method, args }] of operations.entries()) {
    const one = outcomes[index] as {
      value?: unknown;
      result?: unknown;
      failed?: string;
      error?: string;
    } | null;
    if (one === null || typeof one !== "object" || one.failed !== undefined || one.error !== undefined)
      continue;
    if ((one.value ?? one.result ?? null) === null) continue;
    const name = String(method === "exec" ? (args[0] as string[])[0] : method).toUpperCase();
    answered.set(name, (answered.get(name) ?? 0) + 1);
  }
}

/**
 * The client's errors repeat the whole command, compressed or not. A transaction that a server refuses as a whole is a
 * ZstashError over our own transport.
 */
export async function settle(run: () => Promise<unknown>): Promise<Outcome> {
  try {
    return { value: await run() };
  } catch (error) {
    const { name, message } = error as Error;
    const failed = `${name}: ${message.replace(/, command was: .*/s, "")}`;
    return {
      failed: failed.replace(/^ZstashError: Cannot run the command: /, "UpstashError: "),
    };
  }
}

/** The result without what may differ. */
function see(view: View, result: unknown): unknown {
  if (view === "seconds") return magnitude(result, 1);
  if (view === "milliseconds") return magnitude(result, 1000);
  if (view === "atMilliseconds")
    return magnitude(typeof result === "number" && result > 0 ? result - Date.now() : result, 1000);
  if (!Array.isArray(result)) return result;
  const items: readonly unknown[] = result;
  if (view === "list") return sorted(items);
  if (view === "pairs")
    return sorted(Array.from({ length: items.length / 2 }, (_, at) => items.slice(2 * at, 2 * at + 2)));
  if (view === "scan") return [items[0], see("list", items[1])];
  if (view === "scanPairs") return [items[0], see("pairs", items[1])];
  return items;
}

/** A scan may give an item twice while a table is resized. */
function unrepeated(view: View, items: readonly unknown[]): unknown[] {
  const every = view === "pairs" ? 2 : 1;
  const groups = Array.from({ length: items.length / every }, (_, at) =>
    items.slice(every * at, every * (at + 1)),
  );
  return [...new Map(groups.map((group) => [JSON.stringify(group), group])).values()].flat();
}

function sorted(items: readonly unknown[]): unknown[] {
  const text = (item: unknown): string => JSON.stringify(item) ?? "undefined";
  return items.toSorted((a, b) => (text(a) < text(b) ? -1 : Number(text(a) > text(b))));
}

/** Times that are a half-decade apart differ; what has passed during a run does not matter. */
function magnitude(time: unknown, perSecond: number): unknown {
  return typeof time === "number" && time > 0
    ? `10^${Math.round(2 * Math.log10(time / perSecond)) / 2} s`
    : time;
}

/** The step in words, its values shortened. */
export function describeStep({ kind, operations }: Step): string {
  return `${kind}: ${operations.map(({ method, args }) => `${method}(${args.map(shorten).join(", ")})`).join(", ")}`;
}

function shorten(value: unknown): string {
  const text =
    JSON.stringify(value, (_, one: unknown) => {
      if (one === undefined || typeof one === "bigint" || typeof one === "symbol") return String(one);
      if (typeof one !== "string" || one.length <= 60) return one;
      return `${one.slice(0, 40)}… (${one.length} characters)`;
    }) ?? String(value);
  return text.length <= 300 ? text : `${text.slice(0, 300)}…`;
}

/** Where two long results begin to differ. */
function firstDifference(wanted: unknown, got: unknown): string {
  const [a, b] = [JSON.stringify(wanted) ?? "", JSON.stringify(got) ?? ""];
  let at = 0;
  while (at < a.length && a[at] === b[at]) at += 1;
  if (at >= a.length) return "";
  const around = (text: string): string => JSON.stringify(text.slice(Math.max(0, at - 30), at + 50));
  return `\n  from character ${at}: ${around(a)} and ${around(b)}`;
}
