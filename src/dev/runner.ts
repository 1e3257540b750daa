/** Runs the commands of a request: applies the rules, translates scripts, and sends the rest to the backend. */
import { ZstashError } from "../errors.ts";
import type { RespValue } from "../rest/resp.ts";
import type { Access } from "./access.ts";
import { commandName } from "./backend.ts";
import type { Backend, CommandBytes } from "./backend.ts";
import { refuseBlocking } from "./blocking.ts";
import { explainAbort, explainLack } from "./lacks.ts";
import { refuseReadScript } from "./read-only.ts";
import { answerLocally } from "./rest-rules.ts";
import { Scripts } from "./scripts.ts";
import type { Settings } from "./settings.ts";

/** Runs the commands of requests. */
export interface Runner {
  /** Runs the commands one after another, even after one that fails. Replies are in the order of the commands. */
  pipeline(commands: readonly CommandBytes[], access: Access): Promise<RespValue[]>;
  /** Runs all commands or none. Resolves to an array of replies, or to the error that prevented them from running. */
  transaction(commands: readonly CommandBytes[], access: Access): Promise<RespValue>;
}

/** Makes a runner for a backend. */
export function createRunner(backend: Backend, { noScripts }: Pick<Settings, "noScripts">): Runner {
  const scripts = new Scripts();
  const toRedis = (commands: readonly CommandBytes[]): Promise<CommandBytes[]> =>
    Promise.all(commands.map((command) => scripts.toRedis(command)));
  const finish = async (command: CommandBytes, reply: RespValue | undefined): Promise<RespValue> => {
    if (reply === undefined) throw new ZstashError("REDIS", "Cannot answer: a command has no reply");
    return explainLack(backend, command, await scripts.fromRedis(command, reply));
  };
  const answer = (command: CommandBytes, access: Access): RespValue | undefined =>
    answerLocally(command, { noScripts, ...access }) ??
    refuseBlocking(command) ??
    (access.readOnly && !backend.restrictsScripts ? refuseReadScript(commandName(command)) : undefined);
  return {
    async pipeline(commands, access) {
      const answers = commands.map((command) => answer(command, access));
      const sent = await toRedis(commands.filter((_, index) => answers[index] === undefined));
      const replies = (sent.length === 0 ? [] : await backend.pipeline(sent, access)).values();
      return Promise.all(
        commands.map((command, index) => answers[index] ?? finish(command, replies.next().value)),
      );
    },
    async transaction(commands, access) {
      const answers = commands.map((command) => answer(command, access));
      const refused = answers.find((one) => one?.kind === "error");
      if (refused !== undefined) return refused;
      const reply = await backend.transaction(
        await toRedis(commands.filter((_, index) => answers[index] === undefined)),
        access,
      );
      if (reply.kind !== "array" || reply.items === null) return explainAbort(backend, commands, reply);
      const replies = reply.items.values();
      const items = commands.map((command, index) => answers[index] ?? finish(command, replies.next().value));
      return { kind: "array", items: await Promise.all(items) };
    },
  };
}
