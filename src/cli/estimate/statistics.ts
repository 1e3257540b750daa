/**
 * The estimator: two phases of sampling, strata by prefix and size, in each a ratio to the known bytes, and a 95 % interval.
 * Without I/O; docs/estimate.md explains it.
 */

/** What was read of a value: bytes before, and bytes after. */
export type Pair = readonly [before: number, after: number];

/** Keys of one prefix and of similar sizes, as a sample of lengths has them. */
export interface Stratum {
  /** The lengths of all keys of the first phase in this stratum. */
  readonly sizes: readonly number[];
  /** Values that were read whatever the draw. */
  readonly certain: readonly Pair[];
  /** Values that were drawn, each with a probability proportional to its bytes before. */
  readonly drawn: readonly Pair[];
  /** Nothing needs to be read: the bytes after are the bytes before. */
  readonly isKnown: boolean;
}

/** A sum over all keys of a database, with its 95 % interval. */
export interface Interval {
  readonly estimate: number;
  readonly low: number;
  readonly high: number;
}

/** The normal quantile for 95 % on both sides. */
const Z = 1.959_964;
/** Degrees of freedom below which an interval is not made wider. */
const FREEDOM_MIN = 4;
/** Of a stratum of which no value was drawn its ratio may be anything from 0 to 1: the mean square of the distance from 1. */
const NOTHING_READ: number = 1 / 3;
/** Cochran's rule (Sampling Techniques, 2.15): a normal interval holds if there are so many times the squared skewness. */
const COCHRAN = 25;

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
    strata.map(({ sizes }) => ({ sizes, certain: [], drawn: [], isKnown: true })),
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

/**
 * False where the lengths are those of a part of the keys, and too skewed for an interval to be trusted: a few values hold most
 * of the bytes, and nobody knows of those that were not drawn.
 */
export function lengthsSuffice(sizes: readonly number[], keys: number): boolean {
  if (sizes.length >= keys) return true;
  const mean = sizes.reduce((sum, size) => sum + size, 0) / sizes.length;
  let [squares, cubes] = [0, 0];
  for (const size of sizes) {
    squares += (size - mean) ** 2;
    cubes += (size - mean) ** 3;
  }
  if (squares === 0) return true;
  const skewness = cubes / sizes.length / (squares / sizes.length) ** 1.5;
  // Where a few are smaller than the rest, nothing large can be missing.
  return skewness <= 0 || sizes.length >= COCHRAN * skewness ** 2;
}

/** The sum of what is after less `share` of what is before, over all keys. */
function estimate(strata: readonly Stratum[], keys: number, share: number): Interval {
  const lengths = strata.reduce((sum, { sizes }) => sum + sizes.length, 0);
  if (lengths === 0) return { estimate: 0, low: 0, high: 0 };
  const weight = keys / lengths;
  const all = strata.map(factsOf);
  const pooled = pooledVariance(all);
  let [sum, squares] = [0, 0];
  const parts: { readonly variance: number; readonly freedom: number }[] = [];
  for (const [index, { sizes, certainSum, rest, ratio, drawn, spread, unread }] of all.entries()) {
    sum += certainSum + rest * ratio - share * sumOf(sizes);
    // What one value of the first phase adds to the sum: as it was read, or by its ratio and what that leaves open.
    let others = sizes.reduce((total, size) => total + size ** 2, 0);
    for (const [x, y] of strata[index]!.certain) {
      squares += (y - share * x) ** 2;
      others -= x ** 2;
    }
    squares += ((ratio - share) ** 2 + spread) * Math.max(0, others);
    if (rest === 0) continue;
    // Few values say little of how much others may differ: all strata together lend a hand, for one value.
    const variance = drawn === 0 ? NOTHING_READ : (spread * (drawn - 1) + pooled) / drawn;
    const left = (weight * rest) ** 2 * unread * (variance / Math.max(1, drawn));
    parts.push({ variance: left, freedom: Math.max(1, drawn - 1) });
  }
  // The first phase: lengths of a part of the keys stand for all.
  const mean = sum / lengths;
  const scatter = lengths < 2 ? 0 : Math.max(0, (squares - lengths * mean * mean) / (lengths - 1));
  const first = keys ** 2 * (1 - Math.min(1, lengths / keys)) * (scatter / lengths);
  parts.push({ variance: first, freedom: Math.max(1, lengths - 1) });
  const variance = parts.reduce((total, part) => total + part.variance, 0);
  const half = quantile(freedomOf(parts, variance)) * Math.sqrt(variance);
  const total = weight * sum;
  return { estimate: total, low: share === 0 ? Math.max(0, total - half) : total - half, high: total + half };
}

/** What the reads of a stratum say. */
interface Facts {
  readonly sizes: readonly number[];
  /** Bytes after of the values that were read for certain. */
  readonly certainSum: number;
  /** Bytes before of all others. */
  readonly rest: number;
  /** The ratio of the others: the mean of the ratios of those that were drawn. */
  readonly ratio: number;
  readonly drawn: number;
  /** Variance of their ratios. */
  readonly spread: number;
  /** The share of the variance that not having read the others leaves, 0…1: the correction for a finite population. */
  readonly unread: number;
}

function factsOf({ sizes, certain, drawn, isKnown }: Stratum): Facts {
  const bytes = sumOf(sizes);
  const none = { sizes, drawn: 0, spread: 0, unread: 0 };
  if (isKnown) return { ...none, certainSum: bytes, rest: 0, ratio: 1 };
  const [before, after] = [sumOf(certain.map(([x]) => x)), sumOf(certain.map(([, y]) => y))];
  const rest = Math.max(0, bytes - before);
  // Where none was drawn, only those that were read for certain can tell, if there are any: a dictionary leaves out half of them.
  const telling = drawn.length === 0 ? certain : drawn;
  const count = telling.length;
  if (count === 0) return { ...none, certainSum: after, rest, ratio: 1, unread: 1 };
  const ratio = telling.reduce((sum, [x, y]) => sum + y / x, 0) / count;
  let [squares, weighed] = [0, 0];
  for (const [x, y] of telling) {
    const square = (y / x - ratio) ** 2;
    squares += square;
    weighed += square * (1 - Math.min(1, (count * x) / rest));
  }
  const spread = count < 2 ? 0 : squares / (count - 1);
  // By Hájek's formula each value counts with the probability that it was left out.
  const mean = telling.reduce((sum, [x]) => sum + Math.min(1, (count * x) / rest), 0) / count;
  const left = squares === 0 ? 1 - mean : weighed / squares;
  const unread = drawn.length === 0 ? 1 : left;
  return { sizes, certainSum: after, rest, ratio, drawn: count, spread, unread };
}

/** Variance of ratios about the ratio of their stratum: the mean of all values drawn. */
function pooledVariance(all: readonly Facts[]): number {
  let [squares, count] = [0, 0];
  for (const { drawn, spread } of all) {
    squares += spread * Math.max(0, drawn - 1);
    count += Math.max(0, drawn - 1);
  }
  return count === 0 ? 0 : squares / count;
}

const sumOf = (numbers: readonly number[]): number => numbers.reduce((sum, number) => sum + number, 0);

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
