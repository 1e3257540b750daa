/** Where the token is kept: in the SDK's client, which shows it to its user, or in a variable. */
export interface TokenStore {
  get(): string | undefined;
  set(token: string): void;
}

/**
 * The read-your-writes token of requests that overlap: a reply of a request that was started later replaces one of a
 * request that was started earlier, never the other way round.
 */
export class SyncToken {
  readonly #store: TokenStore;
  #started = 0;
  #newest = 0;

  constructor(store: TokenStore) {
    this.#store = store;
  }

  /** The token for a request that starts now, and what takes the token of its reply. */
  start(): { readonly token: string | undefined; readonly receive: (token: string | null) => void } {
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

/** A token that nobody else sees. */
export function tokenVariable(): TokenStore {
  let current: string | undefined;
  return {
    get: () => current,
    set(token) {
      current = token;
    },
  };
}
