/** Translates scripts written for Upstash, so that a stock Redis runs them. */
import { concatenate, toHex } from "../bytes.ts";
import type { RespValue } from "../rest/resp.ts";
import { commandName } from "./backend.ts";
import type { CommandBytes } from "./backend.ts";
import { toText, utf8 } from "./text.ts";

/** A flag that only Upstash has: a stock Redis refuses a script with it. */
const UPSTASH_FLAG = "allow-key-locking";

/**
 * Removes `allow-key-locking` from the shebang of scripts, and translates the SHA-1 by which clients call them into
 * the SHA-1 that Redis computes. The translation lives as long as this object; after that clients get NOSCRIPT and
 * send the script again.
 */
export class Scripts {
  /** SHA-1 of the script in Redis, by the SHA-1 of the script that the client sent. */
  readonly #storedDigests = new Map<string, string>();

  /** The command with its script or its SHA-1 translated. */
  async toRedis(command: CommandBytes): Promise<CommandBytes> {
    switch (commandName(command)) {
      case "EVAL":
      case "EVAL_RO":
        return this.#replace(command, 1);
      case "EVALSHA":
      case "EVALSHA_RO":
        return command.map((argument, index) => (index === 1 ? this.#translate(argument) : argument));
      case "SCRIPT": {
        const subcommand = commandName(command.slice(1));
        if (subcommand === "LOAD") return this.#replace(command, 2);
        if (subcommand !== "EXISTS") return command;
        return command.map((argument, index) => (index >= 2 ? this.#translate(argument) : argument));
      }
      default:
        return command;
    }
  }

  /** The reply, with the SHA-1 of SCRIPT LOAD translated back to that of the script that the client sent. */
  async fromRedis(command: CommandBytes, reply: RespValue): Promise<RespValue> {
    if (commandName(command) !== "SCRIPT" || commandName(command.slice(1)) !== "LOAD") return reply;
    const script = command[2];
    return reply.kind === "bulk" && script !== undefined
      ? { kind: "bulk", bytes: utf8(await sha1(script)) }
      : reply;
  }

  #translate(digest: Uint8Array): Uint8Array {
    const stored = this.#storedDigests.get(toText(digest).toLowerCase());
    return stored === undefined ? digest : utf8(stored);
  }

  async #replace(command: CommandBytes, index: number): Promise<CommandBytes> {
    const script = command[index];
    const stripped = script === undefined ? undefined : strip(script);
    if (script === undefined || stripped === undefined) return command;
    this.#storedDigests.set(await sha1(script), await sha1(stripped));
    return command.map((argument, at) => (at === index ? stripped : argument));
  }
}

/** The script without the flag in its shebang; undefined if it does not have the flag. */
function strip(script: Uint8Array): Uint8Array | undefined {
  const end = script.indexOf(10);
  const length = end === -1 ? script.length : end;
  const shebang = toText(script.subarray(0, length));
  if (!shebang.startsWith("#!") || !shebang.includes(UPSTASH_FLAG)) return undefined;
  const words = shebang.split(" ").map((word) => {
    if (!word.startsWith("flags=")) return word;
    const flags = word.slice("flags=".length).split(",");
    const kept = flags.filter((flag) => flag.trim() !== UPSTASH_FLAG);
    return kept.length === 0 ? "" : `flags=${kept.join(",")}`;
  });
  return concatenate([utf8(words.filter((word) => word !== "").join(" ")), script.subarray(length)]);
}

async function sha1(bytes: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-1", bytes.slice());
  return toHex(new Uint8Array(digest));
}
