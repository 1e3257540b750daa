/** Commands about channels: PUBLISH and PUBSUB. Subscribers come through Backend.feed instead. */
import type { RespValue } from "../../rest/resp.ts";
import { toBinary } from "../text.ts";
import { MAX_ECHO } from "./command.ts";
import type { Arguments, CommandTable } from "./command.ts";
import { matchesGlob } from "../../dictionaries/glob.ts";
import type { Keyspace } from "./keyspace.ts";
import { array, bulk, bulks, ErrorReply, integer } from "./replies.ts";

function inspect(keyspace: Keyspace, args: Arguments): RespValue {
  const given = args.printable(1, MAX_ECHO);
  switch (args.option(1)) {
    case "CHANNELS": {
      if (args.length > 3)
        throw new ErrorReply(
          `ERR unknown subcommand or wrong number of arguments for '${given}'. Try PUBSUB HELP.`,
        );
      const pattern = args.length === 3 ? toBinary(args.bytes(2)) : "*";
      const names = [...keyspace.channels.counts(false).keys()];
      return bulks(names.filter((name) => matchesGlob(pattern, toBinary(name))));
    }
    case "NUMSUB": {
      const counts = keyspace.channels.counts(false);
      return array(args.from(2).flatMap((name) => [bulk(name), integer(counts.get(name) ?? 0)]));
    }
    case "NUMPAT":
      if (args.length !== 2)
        throw new ErrorReply("ERR wrong number of arguments for 'pubsub|numpat' command");
      return integer(keyspace.channels.counts(true).size);
    default:
      throw new ErrorReply(`ERR unknown subcommand '${given}'. Try PUBSUB HELP.`);
  }
}

export const PUBSUB_COMMANDS: CommandTable = {
  PUBLISH: [3, (keyspace, args) => integer(keyspace.channels.publish(args.bytes(1), args.bytes(2)))],
  PUBSUB: [-2, inspect],
};
