import type { ReplyFormat } from "./read-reply.ts";

/** How often RESP2 may fail where base64 then succeeds, before it is not asked for any more. */
const FAILURES_MAX = 2;

/**
 * In which form a server is asked to reply: RESP2, which carries bytes as they are, where it has been seen to give it;
 * else base64 in JSON. It is tried only with commands that can be sent again, because a reply in plain JSON has lost
 * bytes.
 */
export class ReplyFormats {
  #resp2: boolean | undefined;
  #failures = 0;

  /** For attempt `number` of a request, counted from 0. A browser may refuse the header, as if the network failed. */
  choose(single: boolean, repeatable: boolean, number: number): ReplyFormat {
    if (!single || this.#resp2 === false) return "base64";
    return this.#resp2 === true || (repeatable && number === 0) ? "resp2" : "base64";
  }

  /** Whether nobody knows yet if the server gives RESP2: what it refuses may be that. */
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
