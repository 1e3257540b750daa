/** The record of an answered request, for logs and for the server's page: names and sizes, no values, no tokens. */
import { commandName } from "./backend.ts";
import type { CommandBytes } from "./backend.ts";
import { toText } from "./text.ts";
import { now } from "../timers.ts";

/** An answered request. */
export interface RequestRecord {
  /** The time of arrival, in ms since 1970. */
  readonly at: number;
  /** The time until the response was ready, in ms. */
  readonly duration: number;
  /** The HTTP method. */
  readonly method: string;
  /** The names of its first 20 commands, in upper case and in order. Empty if it was refused before they were read. */
  readonly commands: readonly string[];
  /** The number of its commands. */
  readonly count: number;
  /**
   * The first argument of its first command, which is a key for most commands, cut after 100 characters. Undefined
   * for commands that have a value, a password or a script there.
   */
  readonly key: string | undefined;
  /** The HTTP status of the response. */
  readonly status: number;
  /** The size of its body in bytes. */
  readonly requestSize: number;
  /** The size of the response's body in bytes; undefined for a stream of events. */
  readonly responseSize: number | undefined;
  /** The error text if the request failed as a whole, cut after 200 characters. */
  readonly error: string | undefined;
}

/** Commands whose first argument may be private. */
const KEYLESS: ReadonlySet<string> = new Set(
  "AUTH HELLO PING ECHO EVAL EVAL_RO EVALSHA EVALSHA_RO SCRIPT FUNCTION ACL CLIENT CONFIG".split(" "),
);
const MAX_NAMES = 20;
const MAX_KEY = 100;
const MAX_NAME = 40;
const MAX_ERROR = 200;

/** Collects what becomes known about a request while it is answered. */
export class RecordDraft {
  /** True for a request of the server's own page, which is not recorded. */
  isOfPage = false;
  readonly #at: number = Date.now();
  readonly #start: number = now();
  readonly #method: string;
  #commands: readonly CommandBytes[] = [];
  #requestSize = 0;
  #error: string | undefined;

  constructor(method: string) {
    this.#method = method;
  }

  set requestSize(size: number) {
    this.#requestSize = size;
  }

  set commands(commands: readonly CommandBytes[]) {
    this.#commands = commands;
  }

  set error(text: string | undefined) {
    this.#error = text?.slice(0, MAX_ERROR);
  }

  finish(status: number, responseSize: number | undefined): RequestRecord {
    const [first = []] = this.#commands;
    const key = KEYLESS.has(commandName(first)) ? undefined : first[1];
    return {
      at: this.#at,
      duration: now() - this.#start,
      method: this.#method,
      commands: this.#commands.slice(0, MAX_NAMES).map((command) => commandName(command).slice(0, MAX_NAME)),
      count: this.#commands.length,
      key: key === undefined ? undefined : toText(key.subarray(0, 4 * MAX_KEY)).slice(0, MAX_KEY),
      status,
      requestSize: this.#requestSize,
      responseSize,
      error: this.#error,
    };
  }
}
