/** What an adapter for HTTP provides: a request on its way, and its response as it arrives. */

/** Sends a request: the platform's `fetch`, or a function used in its place. */
export type Fetch = (input: string, init: RequestInit) => Promise<Response>;

/** The head of a response, and its body as it arrives. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  /**
   * The size of a body that is read at once, so that nobody sees its bytes arrive; absent for one that comes in
   * chunks.
   */
  readonly unseen?: number | undefined;
  /** True once the last chunk has been read, where that is known before `read` says so. */
  readonly ended?: boolean | undefined;
  /** The next chunk, never an empty one; undefined at the end. Rejects if the connection fails or `abort` was called. */
  read(): Promise<Uint8Array | undefined>;
}

/** A request on its way. */
export interface Flight {
  /** Rejects with the platform's own error. */
  readonly response: Promise<HttpResponse>;
  /** When bytes were last seen to move in either direction, in ms since 1970; 0 if never. */
  lastSign(): number;
  /** Bytes of the request that may have been sent without being seen. */
  readonly unseen: number;
  /** True if no byte of the request can have reached a server: there was no connection yet. */
  readonly unsent: boolean;
  /** Ends the request and its response; can be called at any time and twice. */
  abort(reason: unknown): void;
}
