/** What `zstash dev` says when it cannot start: the reason in the words of its options, and what to do. */
import { ZstashError } from "../../errors.ts";
import { Failure, UsageError } from "../command.ts";

/** Options of createDevServer whose names on the command line differ in more than their letter case. */
const OTHER_NAMES: Readonly<Record<string, string>> = { hosts: "host", origins: "allow-origin" };
/** Matches an option's name in the message of a TypeError or a RangeError. */
const QUOTED_OPTION: RegExp =
  /"(backend|redis|token|readOnlyToken|maxRequestSize|maxResponseSize|maxRecordSize|persist|hosts|origins)"/g;

/** What the server was to do when it failed. */
export interface Attempt {
  readonly port: number;
  readonly host: string;
  readonly seed: string | undefined;
}

/** The error to show instead; the same error if there is nothing to add. */
export function explainFailure(error: unknown, attempt: Attempt): unknown {
  if (error instanceof ZstashError) return withAdvice(error, attempt);
  if (error instanceof TypeError || error instanceof RangeError) {
    const seed = seedMessage(error.message, attempt);
    if (seed !== undefined) return new Failure(seed);
    const text = error.message.replace(QUOTED_OPTION, (_, name: string) => `--${optionOf(name)}`);
    return new UsageError(`Cannot start: ${text}. See "zstash dev --help"`);
  }
  return listenFailure(error as NodeJS.ErrnoException, attempt) ?? error;
}

function optionOf(name: string): string {
  return OTHER_NAMES[name] ?? name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** The message about a seed, with the file's name. */
function seedMessage(message: string, { seed }: Attempt): string | undefined {
  if (seed === undefined || !message.startsWith("Cannot use the seed: ")) return undefined;
  return `${message.replace("the seed:", `${seed}:`)}. Correct it and start again; the server has not started`;
}

function withAdvice(error: ZstashError, attempt: Attempt): ZstashError {
  const { message } = error;
  const seed = seedMessage(message, attempt);
  if (seed !== undefined) return error.with({ message: seed });
  const advice = adviceFor(message);
  return advice === undefined ? error : error.with({ message: `${message.replace(/\.$/, "")}. ${advice}` });
}

function adviceFor(message: string): string | undefined {
  if (/NOAUTH|WRONGPASS|invalid password|no password/i.test(message))
    return "Check user and password: --redis redis://user:password@host";
  if (message.startsWith("Cannot reach Redis"))
    return "Check --redis and that it runs there, or leave --redis out";
  if (message.includes("no such program"))
    return "Install it (apt-get install redis-server, brew install redis), or use --backend embedded";
  return message.startsWith("Cannot start redis-server") ? "--backend embedded needs none" : undefined;
}

function listenFailure({ code }: NodeJS.ErrnoException, { port, host }: Attempt): Failure | undefined {
  const where = `Cannot listen on port ${port}`;
  switch (code) {
    case "EADDRINUSE":
      return new Failure(`${where}: it is in use. Choose another with --port, or --port 0 for a free one`);
    case "EACCES":
      return new Failure(`${where}: no permission. Choose one from 1024 on with --port, or --port 0`);
    case "EADDRNOTAVAIL":
    case "EINVAL":
      return new Failure(
        `Cannot listen on ${host}: it is no address of this machine. Use --host 0.0.0.0 for all of them`,
      );
    default:
      return undefined;
  }
}
