/** What a key may hold, after writes of which some are known to have happened, and some may have. */

/** A writing of a value; undefined stands for no value. */
export interface Writing {
  readonly version: number;
  /** Milliseconds to live. */
  readonly ttl: number | undefined;
}

export type Content = Writing | undefined;

/** Somebody who looks while writes go on: all that he may see. */
export interface Watch {
  readonly allowed: Set<Content>;
  /** True if there is no other content that he might see. */
  readonly steady: boolean;
  end(): void;
}

/** One key with one writer at a time. */
export class KeyModel {
  readonly name: string;
  /** True if requests may be carried out long after they were given up: then any writing may come back. */
  readonly #late: boolean;
  #possible = new Set<Content>([undefined]);
  readonly #ever = new Set<Content>([undefined]);
  readonly #watches = new Set<Set<Content>>();
  #versions = 0;
  #losses = 0;
  #before = 0;
  busy = false;

  constructor(name: string, late: boolean) {
    this.name = name;
    this.#late = late;
  }

  /** What may lie there now. */
  get possible(): ReadonlySet<Content> {
    return this.#late ? this.#ever : this.#possible;
  }

  next(ttl: number | undefined): Writing {
    this.#versions += 1;
    return { version: this.#versions, ttl };
  }

  /** A write begins: from now on its content may be seen, and if nothing else is said, it may have happened. */
  begin(content: Content): void {
    this.#before = this.#losses;
    this.#ever.add(content);
    this.#possible.add(content);
    for (const watch of this.#watches) watch.add(content);
  }

  /** It has happened, and nothing that came before it is left. */
  done(content: Content): void {
    this.#possible = new Set(this.lostMeanwhile ? [content, undefined] : [content]);
  }

  /** True if data were lost since the last write began. */
  get lostMeanwhile(): boolean {
    return this.#losses !== this.#before;
  }

  /** It did not happen, because there was something. */
  refused(content: Content): void {
    this.#possible.delete(content);
    this.#possible.delete(undefined);
  }

  /** Data were lost. */
  lost(): void {
    this.#losses += 1;
    this.#possible.add(undefined);
    for (const watch of this.#watches) watch.add(undefined);
  }

  watch(): Watch {
    const allowed = new Set(this.possible);
    this.#watches.add(allowed);
    const { busy } = this;
    return {
      allowed,
      get steady() {
        return allowed.size === 1 && !busy;
      },
      end: () => void this.#watches.delete(allowed),
    };
  }
}
