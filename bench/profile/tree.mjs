/** Stacks of a CPU profile as a tree that is small enough to be kept: what a flame graph is drawn of. */

/**
 * A function, called by the nearest one before it that has a depth less; `us` is how long itself was on top.
 *
 * @typedef {readonly [depth: number, name: string, us: number]} Line
 *
 * @typedef {{ name: string, self: number, total: number, children: Map<string, Node> }} Node
 */

/** What has less than this share of all time is counted to the function that called it. */
const LEAST_SHARE = 0.002;

/** @param {string} name @returns {Node} */
const createNode = (name) => ({ name, self: 0, total: 0, children: new Map() });

/**
 * The tree of stacks; of the functions that one calls the longest comes first.
 *
 * @param {readonly { names: readonly string[], us: number }[]} stacks the outermost name first
 * @returns {Line[]}
 */
export function treeOf(stacks) {
  const root = createNode("");
  for (const { names, us } of stacks) {
    root.total += us;
    let node = root;
    for (const name of names) {
      const child = node.children.get(name) ?? createNode(name);
      node.children.set(name, child);
      child.total += us;
      node = child;
    }
    node.self += us;
  }
  /** @type {Line[]} */
  const lines = [];
  const visit = (/** @type {Node} */ node, /** @type {number} */ depth) => {
    const children = [...node.children.values()].toSorted((a, b) => b.total - a.total);
    const shown = children.filter(({ total }) => total >= root.total * LEAST_SHARE);
    const hidden = children.filter((child) => !shown.includes(child));
    const self = hidden.reduce((sum, { total }) => sum + total, node.self);
    if (depth >= 0) lines.push([depth, node.name, Math.round(self)]);
    for (const child of shown) visit(child, depth + 1);
  };
  visit(root, -1);
  return lines;
}

/**
 * Where the functions of a tree lie in a flame graph: from `start`, `total` wide, in microseconds.
 *
 * @param {readonly Line[]} lines
 * @returns {{ depth: number, name: string, self: number, start: number, total: number }[]}
 */
export function placesOf(lines) {
  const places = lines.map(([depth, name, self]) => ({ depth, name, self, start: 0, total: self }));
  for (const [index, { depth, self }] of places.entries()) {
    // Those that are open above it: the nearest before it with a depth less, and so on.
    let above = depth;
    for (let at = index - 1; at >= 0 && above > 0; at--) {
      if (places[at].depth >= above) continue;
      above = places[at].depth;
      places[at].total += self;
    }
  }
  /** Where the next function of each depth begins. @type {number[]} */
  const free = [0];
  for (const place of places) {
    place.start = free[place.depth] ?? 0;
    free[place.depth] = place.start + place.total;
    free[place.depth + 1] = place.start;
  }
  return places;
}
