/** State that a client learns from the replies of its server: the form in which it answers, and the sync token. */
import type { ReplyFormat } from "./read-reply.ts";
import type { TokenStore } from "./rest-options.ts";

/** Failures of RESP2, each followed by a success of base64, after which it is no longer asked for. */
const FAILURES_MAX = 2;

/**
 * Chooses the form in which a server is asked to reply: RESP2, which carries bytes as they are, once it has answered in
 * it; else base64 in JSON. RESP2 is tried only with commands that can be sent again, because a reply in plain JSON has
 * lost bytes.
 */
export class ReplyFormats {
  #resp2: boolean | undefined;
  #failures = 0;

  /**
   * The form for the attempt of this index. A second attempt asks for base64 until RESP2 is known: a browser may refuse
   * the header in a way that looks like a failed connection.
   */
  choose(single: boolean, repeatable: boolean, index: number): ReplyFormat {
    if (!single || this.#resp2 === false) return "base64";
    return this.#resp2 === true || (repeatable && index === 0) ? "resp2" : "base64";
  }

  /** True until RESP2 support is known; a refusal may be about the format. */
  get unknown(): boolean {
    return this.#resp2 === undefined;
  }

  /** A reply came in RESP2, or in JSON though RESP2 was asked for. */
  learn(resp2: boolean): void {
    this.#resp2 = resp2;
  }

  /** A request succeeded in base64 after it had failed in RESP2. */
  fellBack(): void {
    if (this.#resp2 === undefined && ++this.#failures >= FAILURES_MAX) this.#resp2 = false;
  }
}

/** A request's share in the token: what it sends, and what takes the token of its reply. */
export interface TokenExchange {
  readonly token: string | undefined;
  readonly receive: (token: string | null) => void;
}

/**
 * Keeps the read-your-writes token of requests that overlap: the reply of a request that was started later replaces the
 * token of one that was started earlier, never the other way round.
 */
export class SyncToken {
  readonly #store: TokenStore;
  #started = 0;
  #newest = 0;

  constructor(store: TokenStore) {
    this.#store = store;
  }

  /** Begins a request. */
  start(): TokenExchange {
    const order = ++this.#started;
    return {
      token: this.#store.get(),
      receive: (token) => {
        if (token === null || order < this.#newest) return;
        this.#newest = order;
        this.#store.set(token);
      },
    };
  }
}

/** Keeps a token that nobody else sees. */
export function tokenVariable(): TokenStore {
  let current: string | undefined;
  return {
    get: () => current,
    set(token) {
      current = token;
    },
  };
}
