/** The rows of `zstash doctor`, and what its checks learn of a server for one another. */
import type { ServerAddress } from "../server.ts";
import type { Probe } from "./probe.ts";

/** The prefix of the one key that is written. */
export const KEY_PREFIX = "zstash:doctor:";

/** "skip": not tried, or the server does not say. */
export type RowState = "ok" | "warn" | "fail" | "skip";

/** One finding. */
export interface Row {
  readonly name: string;
  readonly state: RowState;
  /** What was found. */
  readonly found: string;
  /** What to change. */
  readonly advice?: string | undefined;
}

/** What a server can do; undefined where it was not tried. */
export interface Learned {
  rawBodies?: boolean | undefined;
  resp2?: boolean | undefined;
  base64?: boolean | undefined;
  pipelines?: boolean | undefined;
  transactions?: boolean | undefined;
  scripts?: boolean | undefined;
  digest?: boolean | undefined;
  /** The token may write. */
  writes?: boolean | undefined;
  /** Bytes that one request may have, as the server has said. */
  requestSize?: number | undefined;
  /** INFO, by its fields. */
  info?: ReadonlyMap<string, string> | undefined;
}

/** What every check is given. */
export interface Examination {
  readonly server: ServerAddress;
  readonly probe: Probe;
  /** The one key that is written to: it expires within a minute. */
  readonly key: string;
  /** Nothing is written. */
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
