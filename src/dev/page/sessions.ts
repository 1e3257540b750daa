/**
 * Access to the page: tickets that open it once, and the sessions that its cookie names. The number of both is
 * limited.
 */
import { encodeBase64 } from "../../format/base64.ts";
import { wallClock } from "../../timers.ts";

/** How long a ticket opens the page, in ms: people click the link right after the start. */
const TICKET_MS = 15 * 60_000;
/** A working day, in ms. */
const SESSION_MS = 12 * 3_600_000;
/** The most tickets and the most sessions; a new one then replaces the oldest. */
const ENTRIES_MAX = 32;
const ID_BYTES = 24;

/** The path that browsers send the cookie to: other servers on the same host see it only under this path. */
export const PAGE_PATH = "/_zstash/";

/** Random ids, each valid for a time. */
class Passes {
  readonly #ends = new Map<string, number>();
  readonly #lifetime: number;
  readonly #clock: () => number;

  constructor(lifetime: number, clock: () => number) {
    this.#lifetime = lifetime;
    this.#clock = clock;
  }

  get size(): number {
    return this.#ends.size;
  }

  create(): string {
    const [oldest] = this.#ends.keys();
    if (this.#ends.size >= ENTRIES_MAX && oldest !== undefined) this.#ends.delete(oldest);
    const id = randomId(ID_BYTES);
    this.#ends.set(id, this.#clock() + this.#lifetime);
    return id;
  }

  isValid(id: string): boolean {
    const end = this.#ends.get(id);
    if (end === undefined) return false;
    if (end > this.#clock()) return true;
    this.#ends.delete(id);
    return false;
  }

  /** Uses up an id. Returns true if it was valid. */
  take(id: string): boolean {
    return this.isValid(id) && this.#ends.delete(id);
  }
}

/** The tickets and the sessions of one server. */
export class Sessions {
  /** Servers on several ports of a host share its cookies, so each server has its own cookie name. */
  readonly #cookie: string = `zstash_page_${randomId(6)}`;
  readonly #tickets: Passes;
  readonly #sessions: Passes;

  constructor(clock: () => number = wallClock) {
    this.#tickets = new Passes(TICKET_MS, clock);
    this.#sessions = new Passes(SESSION_MS, clock);
  }

  /** Makes a ticket that opens the page once, within 15 minutes. At most 32 are kept. */
  createTicket(): string {
    return this.#tickets.create();
  }

  /** Opens a session if the ticket is valid, and returns its Set-Cookie header; undefined otherwise. */
  redeem(ticket: string): string | undefined {
    return this.#tickets.take(ticket) ? this.open() : undefined;
  }

  /** Opens a session, and returns its Set-Cookie header. */
  open(): string {
    const id = this.#sessions.create();
    return `${this.#cookie}=${id}; Path=${PAGE_PATH}; Max-Age=${SESSION_MS / 1000}; HttpOnly; SameSite=Strict`;
  }

  /** Returns true if a request's Cookie header names a session. */
  has(cookies: string | null): boolean {
    return (cookies ?? "").split(";").some((cookie) => {
      const equals = cookie.indexOf("=");
      return (
        cookie.slice(0, equals).trim() === this.#cookie &&
        this.#sessions.isValid(cookie.slice(equals + 1).trim())
      );
    });
  }

  /** How many there are. */
  get counts(): { readonly tickets: number; readonly sessions: number } {
    return { tickets: this.#tickets.size, sessions: this.#sessions.size };
  }
}

/** A random text that needs no escaping in URLs and cookies. */
function randomId(size: number): string {
  const text = encodeBase64(crypto.getRandomValues(new Uint8Array(size)));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
