/** The scripts of a migration: how they are loaded and named, and whether a token may run any. */
import { createHash } from "node:crypto";
import { ZstashError } from "../../errors.ts";
import type { RestClient } from "../../rest/client.ts";
import type { RespValue } from "../../rest/resp.ts";
import type { RestCommand } from "../../rest/rest-command.ts";
import { serverError } from "../../rest/server-error.ts";

export const sha1 = (bytes: Uint8Array | string): string => createHash("sha1").update(bytes).digest("hex");

/** Loads a script, which is then known by its SHA-1. */
export async function loadScript(client: RestClient, script: string): Promise<void> {
  const reply = await client.command(["SCRIPT", "LOAD", script]);
  if (reply.kind === "error") throw serverError("load a script", reply.text);
}

/**
 * Tells a token that may not run scripts from a server that has none.
 *
 * @throws {ZstashError} REDIS if the token may not
 */
export async function requireScriptsAllowed(client: RestClient, key: string): Promise<void> {
  const attempts: readonly RestCommand[] = [
    ["SCRIPT", "LOAD", "return 1"],
    ["EVALSHA", sha1("return 1"), 1, key],
  ];
  for (const command of attempts) {
    const reply = await client.command(command);
    if (reply.kind !== "error" || !reply.text.includes("NOPERM")) continue;
    const advice =
      "allow it EVALSHA and SCRIPT LOAD (+evalsha +script|load), or take a token that may run scripts";
    throw serverError("compare and set a value", `${reply.text}: ${advice}. Nothing was written`);
  }
}

/** The most times that the scripts of one request are loaded. */
const LOADS_MAX = 20;

export function isNoScript(reply: RespValue): boolean {
  return reply.kind === "error" && reply.text.startsWith("NOSCRIPT");
}

/**
 * Loads the scripts of a method once more: a server that was restarted, or whose scripts were flushed, has none. What it
 * refused for that reason has not run.
 *
 * @throws {ZstashError} REDIS if they are gone again every time
 */
export async function loadAgain(method: { prepare(): Promise<void> }, attempt: number): Promise<void> {
  if (attempt > LOADS_MAX) {
    const reason = `its scripts were gone again after they had been loaded ${LOADS_MAX} times: another client flushes them`;
    throw new ZstashError("REDIS", `Cannot write a value: ${reason}`, { effect: "unknown" });
  }
  await method.prepare();
}

/** Sends a command of a method, and again where its script was gone. */
export async function withScripts<Reply extends RespValue | "unsent" | undefined>(
  method: { prepare(): Promise<void> },
  send: () => Promise<Reply>,
): Promise<Reply> {
  for (let attempt = 1; ; attempt++) {
    const reply = await send();
    if (reply === undefined || reply === "unsent" || !isNoScript(reply)) return reply;
    await loadAgain(method, attempt);
  }
}
