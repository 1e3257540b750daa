/**
 * The mark by which copies of zstash recognize each other's work, so that nothing is compressed twice. It is a
 * registered symbol, because bundles and module graphs often hold several copies.
 */

/** On a client or a requester: it compresses. On a request: its values are already handled. */
export const compressedMark: unique symbol = Symbol.for("zstash.compressed");

/** Returns true for a marked object: for a request, another middleware encodes and decodes its values. */
export function isCompressed(target: unknown): boolean {
  return (target as { readonly [compressedMark]?: unknown } | undefined)?.[compressedMark] === true;
}

/**
 * Returns true for a client that compresses already, even behind a facade: the SDK's `autoPipeline()` and lazy
 * clients such as that of `@vercel/kv` forward property reads. A client of the SDK keeps its requester as `client`.
 */
export function compresses(host: { readonly use: unknown; readonly client?: unknown }): boolean {
  return isCompressed(host) || isCompressed(host.use) || isCompressed(host.client);
}

/**
 * The abort signal of a client of the SDK, whose requester keeps it among its options. Undefined for a function, which
 * the requester calls for each of its requests.
 */
export function signalOfClient(host: {
  readonly use: unknown;
  readonly client?: unknown;
}): AbortSignal | undefined {
  const { options } = (host.client ?? {}) as { readonly options?: { readonly signal?: unknown } };
  const signal = options?.signal;
  return signal instanceof AbortSignal ? signal : undefined;
}

/** Marks a client that compresses. If a facade does not forward the mark, its client's own `use` marks it. */
export function markAsCompressing(host: { readonly use: object }): void {
  mark(host);
  const { use, constructor } = host as { readonly use: object; readonly constructor: unknown };
  const shared = (constructor as { readonly prototype?: { readonly use?: unknown } } | undefined)?.prototype;
  // A method of a class is shared: marking it would mark all clients of the class.
  if (!isCompressed(host) && shared?.use !== use) mark(use);
}

/**
 * Marks an object if possible: not enumerable, because a copy of a client is not a client, and configurable, because
 * a facade may answer differently from its target.
 */
export function mark(target: object): void {
  Reflect.defineProperty(target, compressedMark, { value: true, configurable: true });
}
