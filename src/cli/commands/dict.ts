/** `zstash dict`: the commands for the dictionaries in a Redis, in the order of their lives. */
import type { CliGroup } from "../command.ts";
import { GC_COMMAND } from "./dict-gc.ts";
import { LIST_COMMAND, SHOW_COMMAND } from "./dict-list.ts";
import { PUBLISH_COMMAND } from "./dict-publish.ts";
import { MODE_COMMAND, PROMOTE_COMMAND, RETIRE_COMMAND } from "./dict-steps.ts";

export const DICT_COMMANDS: CliGroup = {
  summary: "Manage the dictionaries in a Redis",
  commands: {
    list: LIST_COMMAND,
    show: SHOW_COMMAND,
    publish: PUBLISH_COMMAND,
    promote: PROMOTE_COMMAND,
    retire: RETIRE_COMMAND,
    gc: GC_COMMAND,
    mode: MODE_COMMAND,
  },
};
