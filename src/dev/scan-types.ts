/** Gives a stock Redis the option WITHTYPE of Upstash's SCAN, which adds the type after every key. */
import type { RespValue } from "../rest/resp.ts";
import { commandName } from "./backend.ts";
import type { Backend, CommandBytes } from "./backend.ts";
import { toText, utf8 } from "./text.ts";

/**
 * Wraps a backend so that it has SCAN … WITHTYPE. A key that is deleted between the scan and the question for its
 * type is left out.
 */
export function withScanTypes(backend: Backend): Backend {
  return {
    ...backend,
    async execute(command) {
      const plain = withoutOption(command);
      const reply = await backend.execute(plain ?? command);
      return plain === undefined ? reply : addTypes(backend, reply);
    },
    async pipeline(commands, caller) {
      const plain = commands.map(withoutOption);
      const replies = await backend.pipeline(
        commands.map((command, index) => plain[index] ?? command),
        caller,
      );
      return Promise.all(
        replies.map((reply, index) => (plain[index] === undefined ? reply : addTypes(backend, reply))),
      );
    },
    async transaction(commands, caller) {
      const plain = commands.map(withoutOption);
      const reply = await backend.transaction(
        commands.map((command, index) => plain[index] ?? command),
        caller,
      );
      if (reply.kind !== "array" || reply.items === null) return reply;
      const items = reply.items.map((item, index) =>
        plain[index] === undefined ? item : addTypes(backend, item),
      );
      return { kind: "array", items: await Promise.all(items) };
    },
  };
}

/** SCAN's command without WITHTYPE; undefined for a command without that option. */
function withoutOption(command: CommandBytes): CommandBytes | undefined {
  if (commandName(command) !== "SCAN") return undefined;
  for (let index = 2; index < command.length; index++) {
    const option = toText(command[index] ?? new Uint8Array(0)).toUpperCase();
    if (option === "WITHTYPE") return command.toSpliced(index, 1);
    // Every other option has a value.
    index++;
  }
  return undefined;
}

async function addTypes(backend: Backend, reply: RespValue): Promise<RespValue> {
  const [cursor, keys] = reply.kind === "array" && reply.items !== null ? reply.items : [];
  if (cursor === undefined || keys?.kind !== "array" || keys.items === null) return reply;
  // Started together, so that they are sent as one pipeline.
  const types = await Promise.all(
    keys.items.map((key) =>
      backend.execute([utf8("TYPE"), key.kind === "bulk" && key.bytes !== null ? key.bytes : utf8("")]),
    ),
  );
  const items = keys.items.flatMap((key, index): RespValue[] => {
    const type = types[index];
    return type?.kind === "status" && type.text !== "none"
      ? [key, { kind: "bulk", bytes: utf8(type.text) }]
      : [];
  });
  return { kind: "array", items: [cursor, { kind: "array", items }] };
}
