/**
 * The estimator: two phases of sampling, strata by prefix and size, a ratio to the known bytes in each, and a 95 % interval.
 * Without I/O; docs/estimate.md explains it.
 */

/** The keys of one prefix and one class of sizes, as the sample of lengths has them. */
export interface Stratum {
  /** The lengths of all keys of the first phase in this stratum. */
  readonly sizes: readonly number[];
  /** For the values that were read: bytes before, and bytes after. */
  readonly read: readonly (readonly [before: number, after: number])[];
  /** True if nothing needs to be read: the bytes after are the bytes before. */
  readonly isKnown: boolean;
}

/** A sum over all keys of a database, with its 95 % interval. */
export interface Interval {
  readonly estimate: number;
  readonly low: number;
  readonly high: number;
}

/**
 * The normal quantile for 99 % on both sides: variances are estimated from few values of skewed sizes, and too small more often
 * than too large. By 1.96, the quantile for 95 %, 85 to 95 of 100 intervals held the truth.
 */
const Z = 2.576;
/** With fewer degrees of freedom an interval is not made wider. */
const FREEDOM_MIN = 4;

interface Facts {
  readonly stratum: Stratum;
  readonly ratio: number;
  /** The variance that a ratio leaves for one value. */
  readonly residual: number;
}

/**
 * Estimates the bytes of all keys afterwards.
 *
 * @param keys The number of keys in the database; the strata hold a sample of their lengths.
 */
export function estimateAfter(strata: readonly Stratum[], keys: number): Interval {
  return estimate(strata, keys, 0);
}

/** Estimates the bytes of all keys before. */
export function estimateBefore(strata: readonly Stratum[], keys: number): Interval {
  return estimate(
    strata.map(({ sizes }) => ({ sizes, read: [], isKnown: true })),
    keys,
    0,
  );
}

/**
 * Estimates the share of the bytes that remains, 0…1 or more. An uncertainty that both sums have in common does not
 * count.
 */
export function estimateShare(strata: readonly Stratum[], keys: number): Interval {
  const before = estimateBefore(strata, keys).estimate;
  if (before === 0) return { estimate: 1, low: 1, high: 1 };
  const share = estimateAfter(strata, keys).estimate / before;
  const { low, high } = estimate(strata, keys, share);
  return { estimate: share, low: Math.max(0, share + low / before), high: share + high / before };
}

/** Estimates the sum of the bytes after, less `share` of the bytes before, over all keys. */
function estimate(strata: readonly Stratum[], keys: number, share: number): Interval {
  const drawn = strata.reduce((sum, { sizes }) => sum + sizes.length, 0);
  if (drawn === 0) return { estimate: 0, low: 0, high: 0 };
  const weight = keys / drawn;
  const pooled = pooledRelativeResidual(strata);
  const facts = strata.map((stratum) => factsOf(stratum, pooled));
  let [sum, squares, residuals] = [0, 0, 0];
  const parts: { readonly variance: number; readonly freedom: number }[] = [];
  for (const { stratum, ratio, residual } of facts) {
    const { sizes, read, isKnown } = stratum;
    for (const size of sizes) {
      const value = (ratio - share) * size;
      sum += value;
      squares += value * value;
    }
    residuals += residual * sizes.length;
    if (isKnown || read.length === 0) continue;
    const unread = 1 - Math.min(1, read.length / sizes.length);
    const variance = ((weight * sizes.length) ** 2 * unread * residual) / read.length;
    parts.push({ variance, freedom: Math.max(1, read.length - 1) });
  }
  // The first phase: the lengths of some keys stand for all.
  const mean = sum / drawn;
  const spread = drawn < 2 ? 0 : (squares - drawn * mean * mean) / (drawn - 1) + residuals / drawn;
  const first = keys ** 2 * (1 - Math.min(1, drawn / keys)) * (Math.max(0, spread) / drawn);
  parts.push({ variance: first, freedom: Math.max(1, drawn - 1) });
  const variance = parts.reduce((all, part) => all + part.variance, 0);
  const half = quantile(freedomOf(parts, variance)) * Math.sqrt(variance);
  const total = weight * sum;
  return { estimate: total, low: share === 0 ? Math.max(0, total - half) : total - half, high: total + half };
}

function factsOf(stratum: Stratum, pooled: number): Facts {
  const { sizes, read, isKnown } = stratum;
  if (isKnown || read.length === 0) return { stratum, ratio: 1, residual: 0 };
  const [before, after] = sumsOf(read);
  const ratio = before === 0 ? 1 : after / before;
  let squares = 0;
  for (const [x, y] of read) squares += (y - ratio * x) ** 2;
  const own = read.length < 2 ? 0 : squares / (read.length - 1);
  // A few values say little about how much others differ, so the variance of all strata together counts as one
  // further value.
  const mean = before / read.length;
  const lent = pooled * mean * mean;
  const residual = read.length >= sizes.length ? own : (own * (read.length - 1) + lent) / read.length;
  return { stratum, ratio, residual: Math.max(residual, read.length < sizes.length ? own : 0) };
}

/**
 * The squared distance of a value from its stratum's ratio, as a share of the stratum's mean: the mean over all
 * values read.
 */
function pooledRelativeResidual(strata: readonly Stratum[]): number {
  let [squares, count] = [0, 0];
  for (const { read, isKnown } of strata) {
    const [before, after] = sumsOf(read);
    if (isKnown || before === 0) continue;
    const mean = before / read.length;
    for (const [x, y] of read) squares += ((y - (after / before) * x) / mean) ** 2;
    count += read.length;
  }
  return count === 0 ? 0 : squares / count;
}

function sumsOf(read: Stratum["read"]): [before: number, after: number] {
  let [before, after] = [0, 0];
  for (const [x, y] of read) {
    before += x;
    after += y;
  }
  return [before, after];
}

/** Degrees of freedom of a sum of variances (Welch and Satterthwaite). */
function freedomOf(
  parts: readonly { readonly variance: number; readonly freedom: number }[],
  variance: number,
): number {
  const weighed = parts.reduce((sum, part) => sum + part.variance ** 2 / part.freedom, 0);
  return weighed === 0 ? Infinity : Math.max(FREEDOM_MIN, variance ** 2 / weighed);
}

/** Student's quantile, by the Cornish–Fisher expansion: within 2 % from four degrees of freedom on. */
function quantile(freedom: number): number {
  const first = (Z ** 3 + Z) / 4;
  const second = (5 * Z ** 5 + 16 * Z ** 3 + 3 * Z) / 96;
  return Z + first / freedom + second / freedom ** 2;
}
