import { ZstashError } from "../errors.ts";
import type { RespValue } from "../rest/resp.ts";
import type { Backend, CommandBytes } from "./backend.ts";
import { answerLocally, commandName, notAvailable } from "./rest-rules.ts";
import { Scripts } from "./scripts.ts";

/** Who asks. */
export interface Access {
  readonly readOnly: boolean;
}

/** Runs the commands of requests. */
export interface Runner {
  /** One after the other, whatever becomes of each. Replies stand in the order of the commands. */
  pipeline(commands: readonly CommandBytes[], access: Access): Promise<RespValue[]>;
  /** All or none. Resolves to an array of replies, or to the error that nothing ran for. */
  transaction(commands: readonly CommandBytes[], access: Access): Promise<RespValue>;
}

/** A runner over a backend that keeps the REST policy and translates scripts. */
export function createRunner(backend: Backend, policy: { readonly noScripts: boolean }): Runner {
  const scripts = new Scripts();
  const toRedis = (commands: readonly CommandBytes[]): Promise<CommandBytes[]> =>
    Promise.all(commands.map((command) => scripts.toRedis(command)));
  const finish = async (command: CommandBytes, reply: RespValue | undefined): Promise<RespValue> => {
    if (reply === undefined) throw new ZstashError("REDIS", "Cannot answer: a command has no reply");
    return renameUnknown(command, await scripts.fromRedis(command, reply));
  };
  return {
    async pipeline(commands, access) {
      const answers = commands.map((command) => answerLocally(command, { ...policy, ...access }));
      const sent = await toRedis(commands);
      // Started in one go, so that a connection carries them in order without waiting in between.
      const replies = await Promise.all(
        sent.map((command, index) => answers[index] ?? backend.execute(command)),
      );
      return Promise.all(commands.map((command, index) => finish(command, replies[index])));
    },
    async transaction(commands, access) {
      const answers = commands.map((command) => answerLocally(command, { ...policy, ...access }));
      const refused = answers.find((answer) => answer?.kind === "error");
      if (refused !== undefined) return refused;
      const reply = await backend.transaction(
        await toRedis(commands.filter((_, index) => answers[index] === undefined)),
      );
      if (reply.kind !== "array" || reply.items === null) return reply;
      const replies = reply.items.values();
      const items = commands.map((command, index) => answers[index] ?? finish(command, replies.next().value));
      return { kind: "array", items: await Promise.all(items) };
    },
  };
}

/** A command that Redis does not know fails with the text that Upstash has for it. */
function renameUnknown(command: CommandBytes, reply: RespValue): RespValue {
  if (reply.kind !== "error" || !reply.text.startsWith("ERR unknown command")) return reply;
  return { kind: "error", text: notAvailable(commandName(command)) };
}
