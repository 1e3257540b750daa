/** Draws the arguments of commands from a seed, for the comparison of the embedded keyspace with Redis. */

export type Argument = string | Uint8Array;
export const bytesOf = (argument: Argument): Uint8Array =>
  typeof argument === "string" ? Uint8Array.from(Buffer.from(argument, "latin1")) : argument;

/** Numerical Recipes' LCG, high bits. */
function createRandom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Draws arguments of each kind: mostly sensible, sometimes what must be refused. */
export class Draw {
  readonly #random: (below: number) => number;
  #uniqueTime = 0;

  constructor(seed: number) {
    this.#random = createRandom(seed);
  }

  below(limit: number): number {
    return this.#random(limit);
  }

  of<Item>(items: readonly Item[]): Item {
    return items[this.#random(items.length)] as Item;
  }

  key(): Argument {
    return this.of(["k0", "k1", "k2", "k3", "", "\xff\x00\x80", "a b%/?#+", "K0", "\xe9"]);
  }

  field(): Argument {
    return this.of(["f0", "f1", "f2", "f3", "", "\x00\xff", "1"]);
  }

  value(): Argument {
    if (this.below(6) === 0) return Uint8Array.from({ length: this.below(300) }, () => this.below(256));
    return this.of([
      "",
      "0",
      "1",
      "-1",
      "10",
      "3.5",
      "1e3",
      "abc",
      "9223372036854775807",
      " 1",
      "01",
      "+1",
      "-0",
      "\x00\xff\xfe",
      "x".repeat(100),
    ]);
  }

  integer(): Argument {
    const odd = [
      "x",
      "",
      "1.5",
      " 1",
      "01",
      "9223372036854775807",
      "-9223372036854775808",
      "9223372036854775808",
      "99999999999999999999999",
    ];
    return this.below(8) === 0 ? this.of(odd) : `${this.below(25) - 12}`;
  }

  float(): Argument {
    const odd = [
      "x",
      "",
      "1.5x",
      " 1",
      "nan",
      "1e5000",
      "--1",
      ".",
      "5e-3",
      ".5",
      "5.",
      "-0",
      "+2",
      "1E2",
      "0.1e1",
    ];
    return this.below(5) === 0 ? this.of(odd) : `${(this.below(20_000) - 10_000) / 10 ** this.below(6)}`;
  }

  offset(): Argument {
    const odd = ["x", "-1", "536870912", "4294967296", "-9223372036854775808"];
    return this.below(10) === 0 ? this.of(odd) : `${this.below(40)}`;
  }

  /** Bit 536870912 is a legal one, of a string of 64 MiB. */
  bit(): Argument {
    return this.below(10) === 0 ? this.of(["x", "-1", "4294967296"]) : `${this.below(300)}`;
  }

  /** Seconds from now, no two within a minute of each other: which is later does not depend on the clock. */
  seconds(): Argument {
    if (this.below(8) === 0)
      return this.of(["x", "0", "-1", "9223372036854775807", "-9223372036854775808", "9223372036854775", ""]);
    return `${1_000 + 60 * ((this.#uniqueTime++ * 7_919) % 100_003)}`;
  }

  /** The same, as a Unix time in the given unit. */
  at(unit: "s" | "ms"): Argument {
    const relative = this.seconds();
    if (typeof relative !== "string" || !/^[1-9][0-9]{3,7}$/.test(relative)) return relative;
    const seconds = 2_000_000_000 + Number(relative);
    return unit === "s" ? `${seconds}` : `${seconds}${this.below(900) + 100}`;
  }

  milliseconds(): Argument {
    const seconds = this.seconds();
    return typeof seconds === "string" && /^[1-9][0-9]{3,7}$/.test(seconds) ? `${seconds}000` : seconds;
  }

  /** In upper, lower or mixed case. */
  spelled(word: string): string {
    return this.of([word, word.toLowerCase(), word.charAt(0) + word.slice(1).toLowerCase()]);
  }

  some(make: () => Argument, most = 3): Argument[] {
    return Array.from({ length: 1 + this.below(most) }, make);
  }

  time(): Argument[] {
    const option = this.of(["EX", "PX", "EXAT", "PXAT"]);
    const value = {
      EX: () => this.seconds(),
      PX: () => this.milliseconds(),
      EXAT: () => this.at("s"),
      PXAT: () => this.at("ms"),
    }[option];
    return [this.spelled(option ?? ""), ...(this.below(15) === 0 ? [] : [value?.() ?? ""])];
  }

  setOptions(): Argument[] {
    const options: Argument[] = [];
    while (this.below(2) === 0) {
      if (this.below(3) === 0) options.push(...this.time());
      else options.push(this.spelled(this.of(["NX", "XX", "GET", "KEEPTTL", "PERSIST", "BOGUS"])));
    }
    return options;
  }

  expireOptions(): Argument[] {
    const options: Argument[] = [];
    while (this.below(3) === 0) options.push(this.spelled(this.of(["NX", "XX", "GT", "LT", "BOGUS"])));
    return options;
  }
}

export type Make = (draw: Draw) => Argument[];
export const pairs = (draw: Draw, name: () => Argument): Argument[] => {
  const list = draw.some(() => "x").flatMap(() => [name(), draw.value()]);
  return draw.below(10) === 0 ? list.slice(1) : list;
};
export const on =
  (...more: ((draw: Draw) => Argument)[]): Make =>
  (draw) => [draw.key(), ...more.map((make) => make(draw))];
export const keys: Make = (draw) => draw.some(() => draw.key());
export const value = (draw: Draw): Argument => draw.value();
export const field = (draw: Draw): Argument => draw.field();
export const integer = (draw: Draw): Argument => draw.integer();
export const offset = (draw: Draw): Argument => draw.offset();
export const bit = (draw: Draw): Argument => draw.bit();
