/** The program `zstash`: it runs the command of a command line, and turns errors into exit codes. */
import { ZstashError } from "../errors.ts";
import { Failure, UsageError } from "./command.ts";
import type { CliCommands, Terminal } from "./command.ts";
import { DEV_COMMAND } from "./commands/dev.ts";
import { DICT_COMMANDS } from "./commands/dict.ts";
import { DOCTOR_COMMAND } from "./commands/doctor.ts";
import { ESTIMATE_COMMAND } from "./commands/estimate.ts";
import { GET_COMMAND } from "./commands/get.ts";
import { INSPECT_COMMAND } from "./commands/inspect.ts";
import { MIGRATE_COMMAND } from "./commands/migrate.ts";
import { PUT_COMMAND } from "./commands/put.ts";
import { SWEEP_COMMAND } from "./commands/sweep.ts";
import { TRAIN_COMMAND } from "./commands/train.ts";
import { parseCommandLine } from "./parser.ts";

/** The commands by name, in the order of the help. */
export const COMMANDS: CliCommands = {
  dev: DEV_COMMAND,
  estimate: ESTIMATE_COMMAND,
  migrate: MIGRATE_COMMAND,
  get: GET_COMMAND,
  put: PUT_COMMAND,
  inspect: INSPECT_COMMAND,
  doctor: DOCTOR_COMMAND,
  train: TRAIN_COMMAND,
  dict: DICT_COMMANDS,
  sweep: SWEEP_COMMAND,
};

/**
 * Runs the program. Resolves to the exit code: 0, 1 for an error, 2 for a wrong command line. `zstash dev -- COMMAND`
 * ends with the code of COMMAND.
 */
export async function runProgram(
  args: readonly string[],
  version: string,
  terminal: Terminal,
): Promise<number> {
  try {
    const parsed = parseCommandLine(args, { version, commands: COMMANDS }, terminal);
    if ("command" in parsed) return await parsed.command.run(parsed.input, terminal);
    terminal.print(parsed.text);
    return parsed.code;
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof Failure || error instanceof ZstashError))
      throw error;
    terminal.complain(error.message);
    return error instanceof UsageError ? 2 : 1;
  }
}
