import type { RespValue } from "../rest/resp.ts";
import type { CommandBytes } from "./backend.ts";
import { toText, utf8 } from "./text.ts";
import { commandName } from "./rest-rules.ts";

/** A flag of Upstash's alone: a stock Redis refuses a script that has it. */
const UPSTASH_FLAG = "allow-key-locking";

/**
 * Lets scripts written for Upstash run on a stock Redis: `allow-key-locking` is taken out of their shebang, and
 * the SHA-1 that clients know them by is translated to the one Redis knows. The translation lasts as long as this
 * object; a client that meets NOSCRIPT sends the script again.
 */
export class Scripts {
  /** SHA-1 of a script as clients have it → SHA-1 of the script as Redis has it. */
  readonly #stored = new Map<string, string>();

  /** The command as Redis is to get it. */
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

  /** The reply as the client expects it: SCRIPT LOAD tells the SHA-1 of what the client sent. */
  async fromRedis(command: CommandBytes, reply: RespValue): Promise<RespValue> {
    if (commandName(command) !== "SCRIPT" || commandName(command.slice(1)) !== "LOAD") return reply;
    const script = command[2];
    return reply.kind === "bulk" && script !== undefined
      ? { kind: "bulk", bytes: utf8(await sha1(script)) }
      : reply;
  }

  #translate(digest: Uint8Array): Uint8Array {
    const stored = this.#stored.get(toText(digest).toLowerCase());
    return stored === undefined ? digest : utf8(stored);
  }

  async #replace(command: CommandBytes, index: number): Promise<CommandBytes> {
    const script = command[index];
    const stripped = script === undefined ? undefined : strip(script);
    if (script === undefined || stripped === undefined) return command;
    this.#stored.set(await sha1(script), await sha1(stripped));
    return command.map((argument, at) => (at === index ? stripped : argument));
  }
}

/** The script without the flag in its shebang; undefined if it has none. */
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
  const rest = script.subarray(length);
  const head = utf8(words.filter((word) => word !== "").join(" "));
  const stripped = new Uint8Array(head.length + rest.length);
  stripped.set(head);
  stripped.set(rest, head.length);
  return stripped;
}

async function sha1(bytes: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-1", bytes.slice());
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
