/** What may come of an operation of which a request has failed: the right result, or an error that says so. */
import { isDeepStrictEqual, inspect } from "node:util";
import { ZstashError } from "../../../src/errors.ts";
import { zstashCode } from "../../../src/upstash/index.ts";
import { CANARY, TOKEN } from "./operations.ts";

/** Parts of a value as it travels: a frame in base64, a canary in base64 at each of its three phases. */
const secrets: readonly string[] = [
  CANARY,
  TOKEN,
  "KLUv/",
  ...[0, 1, 2].map((shift) => btoa(" ".repeat(shift) + CANARY).slice(shift === 0 ? 0 : 4, 14)),
];

/** Everything of an error that may be logged: its chain of causes, as text, as JSON, and as Node shows it. */
export function loggedText(error: unknown): string {
  const texts: string[] = [];
  for (let one: unknown = error, depth = 0; one !== undefined && depth < 10; depth++) {
    texts.push(String(one), inspect(one, { depth: 10, showHidden: true }), jsonOf(one));
    if (!(one instanceof Error)) break;
    texts.push(one.message, one.stack ?? "", jsonOf({ ...one }));
    one = one.cause;
  }
  return texts.join("\n");
}

/** The secrets that a text gives away. */
export function leaks(text: string): readonly string[] {
  return secrets.filter((secret) => text.includes(secret));
}

/** How an operation ended. */
export type Outcome = { readonly result: unknown } | { readonly error: unknown };

export async function outcomeOf(run: () => Promise<unknown>): Promise<Outcome> {
  try {
    return { result: await run() };
  } catch (error) {
    return { error };
  }
}

/** What is right, found out on a connection that works. */
export interface Expected {
  readonly result: unknown;
  readonly before: unknown;
  readonly after: unknown;
}

/** What is wrong with a result and the state after it; empty where nothing is. */
export function judgeState(outcome: Outcome, state: unknown, expected: Expected): string[] {
  const { result, before, after } = expected;
  if ("result" in outcome) {
    return [
      ...(isDeepStrictEqual(outcome.result, result)
        ? []
        : [`wrong value ${short(outcome.result)} for ${short(result)}`]),
      ...(isDeepStrictEqual(state, after) ? [] : [`after a success wrong state ${short(state)}`]),
    ];
  }
  const known = isDeepStrictEqual(state, before) || isDeepStrictEqual(state, after);
  return known ? [] : [`after an error neither old nor new state: ${short(state)}`];
}

/** What is wrong with an error of ours; `unknown` says whether its message has to say that the effect is unknown. */
export function judgeError(error: unknown, unknown: boolean | undefined): string[] {
  const wrong: string[] = [];
  if (!(error instanceof ZstashError)) return [`another class: ${inspect(error).slice(0, 200)}`];
  if (zstashCode(error) === undefined) wrong.push("no code");
  const leaked = leaks(loggedText(error));
  if (leaked.length > 0) wrong.push(`leaks ${leaked.join(", ")}`);
  const says = error.message.includes("whether the command has run is unknown");
  if (unknown !== undefined && says !== unknown)
    wrong.push(`says ${says ? "" : "not "}that its effect is unknown: ${error.message}`);
  return wrong;
}

function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? "";
  } catch {
    return "";
  }
}

function short(value: unknown): string {
  return (JSON.stringify(value) ?? "undefined").slice(0, 60);
}
