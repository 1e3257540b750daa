/** `zstash doctor`: tries a server, and says what zstash will use of it, why, and what to change. */
import { randomBytes } from "node:crypto";
import { isOn, textOf, UsageError } from "../command.ts";
import type { CliCommand, OptionValues, Terminal } from "../command.ts";
import { KEY_PREFIX } from "../doctor/row.ts";
import type { Examination, Learned, Row } from "../doctor/row.ts";
import { serverOptions, withoutToken, withServer } from "../server.ts";
import type { ServerAddress } from "../server.ts";
import { count } from "../text.ts";
import { readInteger } from "../numbers.ts";

const DEFAULT_ORIGIN = "https://example.com";
const DEFAULT_SAMPLE = 1000;
const SAMPLE_MAX = 1_000_000;

/** The findings about a server. */
interface Diagnosis {
  readonly rows: readonly Row[];
  /** Undefined if the server was not reached. */
  readonly learned: Learned | undefined;
  readonly counts?: object | undefined;
}

export const DOCTOR_COMMAND: CliCommand = {
  summary: "Test a server: what it supports, what zstash will use, what to change",
  options: {
    ...serverOptions("the token of the program that will use it"),
    "read-only": { meaning: "write nothing; checks that need a write are skipped" },
    limits: { meaning: "find the largest request by uploading: up to 287 MiB" },
    origin: {
      value: "origin",
      meaning: `the origin of pages that CORS is asked for (default ${DEFAULT_ORIGIN})`,
    },
    sample: {
      value: "keys",
      meaning: `keys whose values are counted, at most 2000 a second (default ${DEFAULT_SAMPLE}, 0 for none)`,
    },
    json: { meaning: "print one line of JSON: rows, uses, counts" },
  },
  examples: [
    ["zstash doctor", "tests the server of the environment's variables; exit code 1 if a check fails"],
    ["zstash doctor --read-only --json", "writes nothing, and prints JSON for other programs"],
  ],
  run({ values }, terminal) {
    const sample = readInteger(values, "sample", { least: 0, most: SAMPLE_MAX }) ?? DEFAULT_SAMPLE;
    const origin = readOrigin(values);
    return withServer(values, { doing: "doctor", terminal }, async (server) => {
      const diagnosis = await examine(server, { values, sample, origin }, terminal);
      terminal.progress(undefined);
      const { describeRows, describeUse } = await import("../doctor/describe.ts");
      const { rows, learned, counts } = diagnosis;
      const uses = learned === undefined ? [] : describeUse(learned);
      const { info: _, ...can } = learned ?? {};
      const text = isOn(values, "json")
        ? JSON.stringify({ rows, uses, can, counts })
        : describeRows(rows, learned, terminal);
      terminal.print(withoutToken(text, server.token.trim()));
      return rows.some(({ state }) => state === "fail") ? 1 : 0;
    });
  },
};

function readOrigin(values: OptionValues): string {
  const text = textOf(values, "origin") ?? DEFAULT_ORIGIN;
  if (URL.canParse(text) && new URL(text).origin === text) return text;
  throw new UsageError("Cannot use --origin: scheme, host and port are expected, as https://app.example");
}

interface Wishes {
  readonly values: OptionValues;
  readonly sample: number;
  readonly origin: string;
}

async function examine(
  server: ServerAddress,
  { values, sample, origin }: Wishes,
  terminal: Terminal,
): Promise<Diagnosis> {
  // Imported on demand: other commands start without the checks.
  const [{ RestClient }, { readRestOptions }, { Probe }, { checkReach, tokenRow }, { checkProtocol }] =
    await Promise.all([
      import("../../rest/client.ts"),
      import("../../rest/rest-options.ts"),
      import("../doctor/probe.ts"),
      import("../doctor/reach.ts"),
      import("../doctor/protocol.ts"),
    ]);
  const { clock, cors, eviction, latency, limits } = await import("../doctor/surroundings.ts");
  const { countValues, dictionaries } = await import("../doctor/contents.ts");
  // A wrong URL or token is refused here, before anything is sent.
  const client = new RestClient(readRestOptions({ ...server, retry: { retries: 2 } }));
  const examination: Examination = {
    server,
    probe: new Probe(server),
    key: `${KEY_PREFIX}${randomBytes(8).toString("hex")}`,
    readOnly: isOn(values, "read-only"),
    learned: {},
  };
  const { learned, probe, key } = examination;
  terminal.progress("asking the server");
  const { rows, reached } = await checkReach(examination);
  if (!reached) return { rows, learned: undefined };
  const tried: Row[] = [];
  try {
    const protocol = await checkProtocol(examination);
    terminal.progress("measuring");
    tried.push(tokenRow(examination), ...protocol);
    tried.push(await latency(examination), await clock(examination));
    tried.push(await limits(examination, isOn(values, "limits")), eviction(examination));
    tried.push(await cors(examination, origin));
  } finally {
    // If this fails, the key expires within a minute.
    if (learned.writes === true) await probe.command(["DEL", key]).catch(() => undefined);
  }
  const dictionaryRow = await dictionaries(client);
  const onProgress = (keys: number): void => terminal.progress(`${count(keys, "key")} looked at`);
  const { row, counts } = await countValues(client, sample, onProgress);
  return { rows: [...rows, ...tried, dictionaryRow, row], learned, counts };
}
