/** All conformance cases, and how to run them anywhere. */
import type { Case, Context } from "./case.ts";
import { canDo } from "./case.ts";
import { bitFlips } from "./bit-flips.ts";
import { boundedFrames } from "./bounded-frames.ts";
import { companyCases } from "./company.ts";
import { dictionaries } from "./dictionaries.ts";
import { errors } from "./errors.ts";
import { frames } from "./frames.ts";
import { headers } from "./header.ts";
import { limits } from "./limits.ts";
import { misuses } from "./misuse.ts";
import { rangeFaults } from "./range-faults.ts";
import { rawCarrierCases } from "./raw-carrier.ts";
import { rawTransportCases } from "./raw-transport.ts";
import { roundtrip } from "./roundtrip.ts";
import { seekable } from "./seekable.ts";
import { serving } from "./serve.ts";
import { storeCases } from "./store.ts";
import { streams } from "./streams.ts";
import { text } from "./text.ts";
import { training } from "./training.ts";
import { truncated } from "./truncated.ts";
import { upstashCases } from "./upstash.ts";

export { allCapabilities } from "./case.ts";
export type { Capability, Case, Context } from "./case.ts";

/** Every case, in the order in which they run. */
export const cases: readonly Case[] = unique([
  ...headers,
  ...roundtrip,
  ...text,
  ...frames,
  ...limits,
  ...truncated,
  ...errors,
  ...bitFlips,
  ...misuses,
  ...streams,
  ...boundedFrames,
  ...seekable,
  ...rangeFaults,
  ...dictionaries,
  ...training,
  ...serving,
  ...upstashCases,
  ...rawCarrierCases,
  ...rawTransportCases,
  ...storeCases,
  ...companyCases,
]);

/** Number and hash of a list of names: equal on two runtimes where the same cases ran. */
export interface Description {
  readonly count: number;
  /** FNV-1a, 64 bits, in hexadecimal, over the names in order, each followed by a line feed. */
  readonly hash: string;
}

/** What became of the cases, in a form that JSON can carry. */
export interface Report extends Description {
  readonly passed: number;
  /** Names of the cases that need what the engine has not. */
  readonly skipped: readonly string[];
  readonly failures: readonly { readonly name: string; readonly message: string }[];
}

export function describeCases(names: readonly string[]): Description {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(names.map((name) => `${name}\n`).join(""))) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  }
  return { count: names.length, hash: hash.toString(16).padStart(16, "0") };
}

/** Whether what is judged has what the case needs. */
export function applies({ needs = [] }: Case, context: Context): boolean {
  return needs.every((capability) => canDo(context, capability));
}

/**
 * Runs cases one after the other; none that fails stops the rest. A runtime that limits the time of one request may run
 * slices of `cases`.
 */
export async function runCases(context: Context, selected: readonly Case[] = cases): Promise<Report> {
  const skipped: string[] = [];
  const failures: { name: string; message: string }[] = [];
  for (const each of selected) {
    if (!applies(each, context)) {
      skipped.push(each.name);
      continue;
    }
    try {
      // Cases share one instance: one at a time.
      await each.run(context);
    } catch (error) {
      failures.push({ name: each.name, message: messageOf(error) });
    }
  }
  const passed = selected.length - skipped.length - failures.length;
  return { ...describeCases(selected.map(({ name }) => name)), passed, skipped, failures };
}

function messageOf(error: unknown): string {
  return typeof error === "object" && error !== null && "message" in error
    ? `${String((error as Error).name)}: ${String(error.message)}`
    : String(error);
}

function unique(all: readonly Case[]): readonly Case[] {
  const names = new Set<string>();
  for (const { name } of all) {
    if (names.has(name)) throw new Error(`Cannot list the cases: two are named "${name}"`);
    names.add(name);
  }
  return all;
}
