/** Random commands on lists whose elements are compressed, for lists.test.ts: all but those that compare stored bytes. */
import { lists, strings, type Draw, type Operation } from "./draw.ts";

type Weighted = readonly (readonly [weight: number, make: () => Operation])[];

/** Draws operations on lists, and now and then one on a string, so that kinds of values meet in one request. */
export class ListOperations {
  readonly #draw: Draw;
  readonly #makes: readonly (() => Operation)[];

  constructor(draw: Draw) {
    this.#draw = draw;
    this.#makes = [...pushing(draw), ...reading(draw), ...popping(draw), ...others(draw)].flatMap(
      ([weight, make]) => Array.from({ length: 2 * weight }, () => make),
    );
  }

  next(): Operation {
    return this.#draw.random.pick(this.#makes)();
  }
}

const listOf = (draw: Draw): string => draw.key(lists);
const end = (draw: Draw): string => draw.random.pick(["left", "right"]);
const index = (draw: Draw): number => draw.random.below(9) - 4;

function pushing(draw: Draw): Weighted {
  const values = (): unknown[] => draw.some(() => draw.values.any());
  const one = (): unknown[] => [draw.values.any()];
  return [
    [4, () => draw.on("rpush", listOf(draw), one())],
    [3, () => draw.on("rpush", listOf(draw), values())],
    [3, () => draw.on("lpush", listOf(draw), one())],
    [2, () => draw.on("lpush", listOf(draw), values())],
    [1, () => draw.on("rpushx", listOf(draw), values())],
    [1, () => draw.on("lpushx", listOf(draw), one())],
    [3, () => draw.on("lset", listOf(draw), [index(draw), draw.values.any()])],
    [1, () => draw.raw([...draw.spelled("RPUSH"), listOf(draw), draw.values.string(), draw.values.string()])],
    [0.5, () => draw.raw(["LPUSH", listOf(draw)])],
    [0.5, () => draw.raw(["LSET", listOf(draw), "first", draw.values.string()])],
  ];
}

function reading(draw: Draw): Weighted {
  return [
    [6, () => draw.on("lrange", listOf(draw), [0, -1])],
    [2, () => draw.on("lrange", listOf(draw), [index(draw), index(draw)])],
    [3, () => draw.on("lindex", listOf(draw), [index(draw)])],
    [1, () => draw.raw([...draw.spelled("LRANGE"), listOf(draw), "0", "2"])],
  ];
}

function popping(draw: Draw): Weighted {
  const two = (): [string, string] => [draw.random.pick(lists), draw.random.pick(lists)];
  return [
    [1, () => draw.on("lpop", listOf(draw))],
    [1, () => draw.on("rpop", listOf(draw))],
    [0.5, () => draw.on("lpop", listOf(draw), [draw.random.below(4)])],
    [0.5, () => draw.on("rpop", listOf(draw), [draw.random.below(4)])],
    [
      2,
      () => {
        const keys = two();
        return { method: "lmove", args: [...keys, end(draw), end(draw)], view: "exact", keys };
      },
    ],
    [1, () => draw.raw([...draw.spelled("RPOPLPUSH"), ...two()])],
    [1, () => draw.raw([...draw.spelled("LMPOP"), "2", ...two(), end(draw)])],
    [1, () => draw.raw(["LMPOP", "1", listOf(draw), end(draw), "COUNT", "3"])],
  ];
}

function others(draw: Draw): Weighted {
  return [
    [1, () => draw.on("llen", listOf(draw))],
    [1, () => draw.on("ltrim", listOf(draw), [-25, -1])],
    [0.5, () => draw.several("del", lists)],
    [2, () => draw.on("set", draw.random.pick(strings), [draw.values.any()])],
    [1, () => draw.on("get", draw.random.pick(strings))],
  ];
}
