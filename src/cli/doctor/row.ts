/** The rows of `zstash doctor`, and what its checks learn about a server for later checks. */
import type { ServerAddress } from "../server.ts";
import type { Probe } from "./probe.ts";

/** The prefix of the only key that is written. */
export const KEY_PREFIX = "zstash:doctor:";

/** The state of a row; "skip": not tried, or the server does not say. */
export type RowState = "ok" | "warn" | "fail" | "skip";

/** One finding. */
export interface Row {
  readonly name: string;
  readonly state: RowState;
  /** What the check found. */
  readonly found: string;
  /** What to change. */
  readonly advice?: string | undefined;
}

/** What a server can do; a member is undefined if it was not tried. */
export interface Learned {
  rawBodies?: boolean | undefined;
  resp2?: boolean | undefined;
  base64?: boolean | undefined;
  pipelines?: boolean | undefined;
  transactions?: boolean | undefined;
  scripts?: boolean | undefined;
  digest?: boolean | undefined;
  /** Whether the token may write. */
  writes?: boolean | undefined;
  /** The largest request in bytes, as the server has said. */
  requestSize?: number | undefined;
  /** The fields of INFO. */
  info?: ReadonlyMap<string, string> | undefined;
}

/** What every check receives. */
export interface Examination {
  readonly server: ServerAddress;
  readonly probe: Probe;
  /** The only key that is written to; it expires within a minute. */
  readonly key: string;
  /** True if nothing may be written. */
  readonly readOnly: boolean;
  readonly learned: Learned;
}

export const ok = (name: string, found: string): Row => ({ name, state: "ok", found });
export const skip = (name: string, found: string): Row => ({ name, state: "skip", found });
export const warn = (name: string, found: string, advice: string): Row => ({
  name,
  state: "warn",
  found,
  advice,
});
export const fail = (name: string, found: string, advice: string): Row => ({
  name,
  state: "fail",
  found,
  advice,
});
