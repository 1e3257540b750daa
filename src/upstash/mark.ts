/**
 * The mark by which copies of zstash know each other's work, so that nothing is compressed twice: a registered symbol, as
 * bundles and module graphs often hold several copies.
 */

/** On a client or a requester: it compresses. On a request: its values are taken care of. */
export const compressedMark: unique symbol = Symbol.for("zstash.compressed");

/** Returns true for what bears the mark: for a request whose values another middleware encodes and decodes. */
export function isCompressed(target: unknown): boolean {
  return (target as { readonly [compressedMark]?: unknown } | undefined)?.[compressedMark] === true;
}

/**
 * Returns true for a client that compresses already, also behind a facade: the SDK's `autoPipeline()` and lazy clients such
 * as that of `@vercel/kv` pass on what they are asked for. A client of the SDK keeps its requester as `client`.
 */
export function compresses(host: { readonly use: unknown; readonly client?: unknown }): boolean {
  return isCompressed(host) || isCompressed(host.use) || isCompressed(host.client);
}

/** Marks a client that compresses. A facade that keeps the mark to itself is marked by its client's own `use`. */
export function markAsCompressing(host: { readonly use: object }): void {
  mark(host);
  const { use, constructor } = host as { readonly use: object; readonly constructor: unknown };
  const shared = (constructor as { readonly prototype?: { readonly use?: unknown } } | undefined)?.prototype;
  // A method of a class is shared: it would mark all of its clients.
  if (!isCompressed(host) && shared?.use !== use) mark(use);
}

/**
 * Marks an object where it can be: not enumerable, as a copy of a client is no client, and configurable, as a facade may
 * answer for it otherwise than its own target.
 */
export function mark(target: object): void {
  Reflect.defineProperty(target, compressedMark, { value: true, configurable: true });
}
