/**
 * Abort signals that many requests share: one listener for each signal, and nothing is kept of a request that has
 * ended.
 */

/** A signal's waiters, and the listener that calls them. */
interface Listening {
  readonly listeners: Set<() => void>;
  readonly tell: () => void;
}

const listening = new WeakMap<AbortSignal, Listening>();

/**
 * Calls `listener` once when the signal is aborted, until the returned function is called. However many wait for a
 * signal, it has one listener of ours (Node warns from 11 listeners on), and none when nobody waits.
 */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  const current = listening.get(signal) ?? listen(signal);
  const { listeners } = current;
  // A new closure: the same function may be registered twice.
  const entry = (): void => listener();
  listeners.add(entry);
  return () => {
    if (!listeners.delete(entry) || listeners.size > 0) return;
    if (listening.get(signal) === current) forget(signal, current);
  };
}

function listen(signal: AbortSignal): Listening {
  const listeners = new Set<() => void>();
  // Workers call listeners with the global object as `this`.
  const tell = (): void => {
    forget(signal, current);
    for (const told of listeners) told();
  };
  const current = { listeners, tell };
  listening.set(signal, current);
  hold(signal);
  signal.addEventListener("abort", tell);
  return current;
}

function forget(signal: AbortSignal, { tell }: Listening): void {
  listening.delete(signal);
  letGo(signal);
  signal.removeEventListener("abort", tell);
}

/** Settles as `work` does, or rejects with the signal's reason as soon as it is aborted from now on. */
export function untilAborted<Result>(
  work: Promise<Result>,
  signal: AbortSignal | undefined,
): Promise<Result> {
  if (signal === undefined || signal.aborted) return work;
  return new Promise((resolve, reject) => {
    const ignore = onAbort(signal, () => reject(signal.reason));
    work.then(resolve, reject).finally(ignore);
  });
}

/** A signal that was joined of two. */
interface Joined {
  /** It lives as long as its signal. */
  readonly controller: AbortController;
  readonly sources: readonly [AbortSignal, AbortSignal];
  /** The number of reasons for which its sources hold it. */
  holds: number;
}

/** What follows a signal. */
interface Followers {
  /** Its joined signals that somebody may still hold, and the count at which they are next cleaned up. */
  readonly refs: Set<WeakRef<AbortSignal>>;
  next: number;
  /** Those that somebody waits for: work may be reachable by nothing but the signal that will end it. */
  readonly held: Set<AbortSignal>;
}

const joined = new WeakMap<AbortSignal, Joined>();
const followers = new WeakMap<AbortSignal, Followers>();

/** Makes the sources of a joined signal hold it while somebody waits for it. */
function hold(signal: AbortSignal): void {
  const join = joined.get(signal);
  if (join === undefined || join.holds++ > 0) return;
  for (const source of join.sources) {
    followers.get(source)?.held.add(signal);
    hold(source);
  }
}

function letGo(signal: AbortSignal): void {
  const join = joined.get(signal);
  if (join === undefined || --join.holds > 0) return;
  for (const source of join.sources) {
    followers.get(source)?.held.delete(signal);
    letGo(source);
  }
}

/**
 * Joins two signals, either of which may be missing. The first one that is aborted gives the reason.
 *
 * Sources hold the joined signal weakly unless `onAbort` waits for it: the platform's own `AbortSignal.any` leaks 1.2 KB for each call with a
 * source that lives on (Node 20, 24, 26).
 */
export function anyOf(a: AbortSignal | undefined, b: AbortSignal | undefined): AbortSignal | undefined {
  if (a === undefined || b === undefined || a === b) return a ?? b;
  if (typeof WeakRef !== "function") return AbortSignal.any([a, b]);
  const both = new AbortController();
  const aborted = a.aborted ? a : b.aborted ? b : undefined;
  if (aborted !== undefined) both.abort(aborted.reason);
  else {
    joined.set(both.signal, { controller: both, sources: [a, b], holds: 0 });
    const ref = new WeakRef(both.signal);
    follow(a, ref);
    follow(b, ref);
  }
  return both.signal;
}

function follow(source: AbortSignal, ref: WeakRef<AbortSignal>): void {
  let following = followers.get(source);
  if (following === undefined) {
    following = { refs: new Set(), next: 64, held: new Set() };
    followers.set(source, following);
    const { refs } = following;
    source.addEventListener("abort", () => abortAll(refs, source.reason), { once: true });
  }
  const { refs } = following;
  refs.add(ref);
  if (refs.size < following.next) return;
  for (const one of refs) if (one.deref() === undefined) refs.delete(one);
  following.next = Math.max(64, refs.size * 2);
}

function abortAll(refs: ReadonlySet<WeakRef<AbortSignal>>, reason: unknown): void {
  for (const ref of refs) {
    const signal = ref.deref();
    if (signal !== undefined) joined.get(signal)?.controller.abort(reason);
  }
}
