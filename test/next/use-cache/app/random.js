// Text of 6 MB that compresses to half of it: more than one request of an upload holds.

export function randomText(seed) {
  let state = seed;
  const parts = Array.from({ length: 750_000 }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state.toString(16).padStart(8, "0");
  });
  return parts.join("");
}
