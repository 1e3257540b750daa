/** Words of sentences that are made of results. */

/**
 * `a`, `a and b`, `a, b and c`; `none` for none. Words that have commas themselves are parted by semicolons.
 *
 * @param {readonly string[]} words
 */
export function listed(words) {
  if (words.length < 2) return words[0] ?? "none";
  const [between, last] = words.some((word) => word.includes(",")) ? ["; ", "; and "] : [", ", " and "];
  return `${words.slice(0, -1).join(between)}${last}${words[words.length - 1]}`;
}

/** What a part is less than a whole, or more. @param {number} part @param {number} whole */
export function lessOrMore(part, whole) {
  const share = Math.round((part / whole - 1) * 100);
  if (share === 0) return "as many";
  return share < 0 ? `${-share} % fewer` : `${share} % more`;
}

/**
 * `2 to 5`, or `2` where both ends read alike.
 *
 * @param {readonly number[]} numbers
 * @param {(number: number) => string} name
 */
export function range(numbers, name) {
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)].map(name);
  return low === high ? low : `${low} to ${high}`;
}
