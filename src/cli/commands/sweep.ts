/** `zstash sweep`: lists and removes temporary keys of uploads that ended without removing them. */
import type { Store, TemporaryKey } from "../../store/index.ts";
import { isOn } from "../command.ts";
import type { CliCommand, OptionValues, Terminal } from "../command.ts";
import { serverOptions, URL_VARIABLE, withServer } from "../server.ts";
import type { ServerAddress } from "../server.ts";
import { bytes, count, printable, table } from "../text.ts";

/** Keys that one request removes. */
const DELETE_COUNT = 1000;
export const SWEEP_COMMAND: CliCommand = {
  summary: "List and remove temporary keys of uploads that were left behind",
  options: {
    ...serverOptions("token that may write"),
    delete: { meaning: "remove the keys that are listed" },
    all: { meaning: "also keys that a running upload may own; removing them makes it fail" },
    json: { meaning: "print one line of JSON: keys, sizes in bytes, times to live in ms, removed" },
  },
  examples: [
    ["zstash sweep", `lists them, at the server of ${URL_VARIABLE}`],
    ["zstash sweep --delete", "removes them"],
  ],
  async run({ values }, terminal) {
    return withServer(values, { doing: "sweep", terminal }, (server) => sweep(server, values, terminal));
  },
};

async function sweep(server: ServerAddress, values: OptionValues, terminal: Terminal): Promise<number> {
  const all = isOn(values, "all");
  // Imported on demand: `zstash dev` starts without the codec.
  const { createStore } = await import("../../store/index.ts");
  const store = createStore({ ...server, retry: { retries: 2 } });
  const found: TemporaryKey[] = [];
  const onScan = (scanned: number): void =>
    terminal.progress(`${count(scanned, "key")} looked at, ${found.length} found`);
  for await (const key of store.temporaryKeys({ onScan })) found.push(key);
  const listed = all ? found : found.filter(({ abandoned }) => abandoned);
  const removed = isOn(values, "delete") ? await remove(store, listed, terminal) : undefined;
  terminal.progress(undefined);
  if (isOn(values, "json")) terminal.print(JSON.stringify({ keys: listed, removed: removed ?? 0 }));
  else terminal.print(describeKeys(listed, found.length - listed.length, removed));
  return 0;
}

async function remove(store: Store, keys: readonly TemporaryKey[], terminal: Terminal): Promise<number> {
  let removed = 0;
  for (let at = 0; at < keys.length; at += DELETE_COUNT) {
    terminal.progress(`${at} of ${count(keys.length, "temporary key")} removed`);
    const names = keys.slice(at, at + DELETE_COUNT).map(({ key }) => key);
    removed += await store.removeTemporaryKeys(names);
  }
  return removed;
}

function describeKeys(keys: readonly TemporaryKey[], running: number, removed: number | undefined): string {
  const more = running === 0 ? [] : [`${count(running, "key")} of uploads that may be running: see --all`];
  if (keys.length === 0) return ["No temporary keys of uploads left behind", ...more].join("\n");
  const size = keys.reduce((sum, key) => sum + key.size, 0);
  const rows = keys.map((key) => [bytes(key.size), lifetime(key.ttl), stateOf(key), printable(key.key)]);
  const next = removed === undefined ? 'Add "--delete" to remove them' : removal(removed, keys.length);
  const head = `${count(keys.length, "temporary key")} of uploads, ${bytes(size)}`;
  return [head, "", table([["size", "expires in", "upload", "key"], ...rows]), "", ...more, next].join("\n");
}

function removal(removed: number, listed: number): string {
  const rest = listed === removed ? "" : `; ${listed - removed} had ended by then`;
  return `${count(removed, "temporary key")} removed${rest}`;
}

function stateOf({ abandoned }: TemporaryKey): string {
  return abandoned ? "left behind" : "may be running";
}

function lifetime(ttl: number): string {
  if (ttl < 0) return "never";
  return ttl < 120_000 ? `${Math.ceil(ttl / 1000)} s` : `${Math.round(ttl / 60_000)} min`;
}
