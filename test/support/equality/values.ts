/** Values for the tests of equality: of every kind, and above all those that could be taken for something else. */
import type { Zstd } from "../../../src/codec/zstd.ts";
import { toTextCarrier } from "../../../src/value/carrier.ts";
import type { Random } from "../random.ts";

const likeNumbers =
  " 0 -0 1 -1 123 1e3 1.0 1.5 0123 101600000000150081467 9007199254740993 NaN Infinity".split(" ");
const likeJson = `true false null undefined "x" "123" "" [] {} [1] {"a":1} {"a":101600000000150081467} [null]`;
const likeWords =
  "OK QUEUED T0s= PONG GET EX NX FIELDS WITHVALUES NOVALUES COUNT KEEPTTL [object %00%FF é \uFFFD \uD800";
const likeReplies = [" 12 ", "\0", "\n", "\r\n", "+OK\r\n", "$-1\r\n", "*1\r\n:1\r\n", "\u2028", "\u{1F600}"];
const likeMarkup = [
  "data:image/png;base64,iVBORw0KGgo=",
  "a b/c?d#e&f=g+h",
  "[".repeat(40),
  "[object Object]",
];

/** What JSON.parse, the client's serialiser, a URL or an option's name could make something else of. */
const lookalikes: readonly string[] = [
  likeNumbers,
  likeJson.split(" "),
  likeWords.split(" "),
  likeReplies,
  likeMarkup,
].flat();

const scalars = [0, -0, 1, -1, 1.5, 1e21, 1e-7, 2 ** 53, -(2 ** 31), true, false, null];
const structures = [{}, [], [null], [[[]]], { a: [1, { b: "ü" }] }, { "": null }, { zs1: "zs1:KLUv/" }];
const objects = [
  ["zs1:KLUv/AA"],
  new Date(0),
  new Map([[1, 2]]),
  new Uint8Array([0, 255]),
  { toJSON: () => "it" },
];
const others: readonly unknown[] = scalars.concat(structures as never, objects as never);

const words =
  "the quick brown fox jumps over lazy dog id name email ünïcode 日本語 \u{1F680} true null 12345".split(" ");

/** Draws values. None starts with a byte order mark, which a plain client loses. */
export class Values {
  readonly #random: Random;
  /** Texts that are ours, or look so. */
  readonly #ours: readonly string[];
  readonly #parts: readonly string[];
  #records = 0;

  constructor(random: Random, zstd: Zstd) {
    this.#random = random;
    const json = JSON.stringify(Array.from({ length: 60 }, (_, id) => ({ id, name: `name ${id}` })));
    const frame = toTextCarrier(zstd.compress(json));
    const nested = toTextCarrier(zstd.compress(frame));
    const unchecked = toTextCarrier(zstd.compress("x".repeat(2000), { checksum: false }));
    const marks = [
      "zs1:",
      "zs1:K",
      "zs1:KLUv",
      "zs1:KLUv/",
      "zs1:KLUv/…",
      "zs1:KLUv/AA==",
      "ZS1:KLUv/",
      "KLUv/",
    ];
    const frames = [frame, nested, unchecked, frame.slice(0, -4), `${frame}\n`, ` ${frame}`, frame + frame];
    const damaged = [
      frame.replace(/.{8}$/, "AAAAAAAA"),
      frame.slice(4),
      JSON.stringify(frame),
      frame.slice(0, 40),
    ];
    // What becomes of the bytes 28 B5 2F FD in UTF-8, and what else becomes the same.
    const destroyed = [
      "(\uFFFD/\uFFFD",
      "(\uD800/\uDFFF",
      "(\uDC00/\uFFFD",
      "(\u00B5/\u00FD",
      "(\uFFFD/",
      "(\uD83D\uDE00/\uFFFD",
    ];
    this.#ours = [...marks, ...frames, ...damaged, ...destroyed, ...destroyed.map((mark) => mark + json)];
    this.#parts = [
      ...marks,
      ...destroyed,
      frame,
      nested,
      "(",
      "/",
      "\uD83D",
      "\uDE00",
      "\0",
      " ",
      '"',
      "{",
      "}",
      json,
    ];
  }

  /** Any value, of up to 300 KB. */
  any(): unknown {
    const random = this.#random;
    const kind = random.below(100);
    if (kind < 12) return random.pick(lookalikes);
    if (kind < 20) return random.pick(others);
    if (kind < 32) return random.pick(this.#ours);
    if (kind < 42)
      return Array.from({ length: 1 + random.below(4) }, () => random.pick(this.#parts)).join("");
    if (kind < 60) return this.records(random.logUniform(1, 300));
    if (kind < 75) return this.nearThreshold();
    if (kind < 82) return this.incompressible();
    if (kind < 90) return this.barelyCompressible();
    if (kind < 98) return this.text(random.logUniform(1, 20_000));
    return this.text(random.logUniform(20_000, kind === 98 ? 60_000 : 300_000));
  }

  /** A text, as `exec` takes it. */
  string(): string {
    const value = this.any();
    return typeof value === "string" ? value : JSON.stringify(value);
  }

  /** A value that no policy compresses and that no prefix makes ours, of UTF-8 bytes that APPEND and SETRANGE may follow. */
  untouched(): string | number {
    const random = this.#random;
    const kind = random.below(4);
    if (kind === 0) return random.below(2000) - 1000;
    if (kind === 1)
      return random.pick(["", "0", "12", "-7", "1.5", "01", "abc", "x y", "9223372036854775807"]);
    return this.digits(1 + random.below(24));
  }

  records(count: number): unknown {
    const random = this.#random;
    const from = (this.#records += count);
    const list = Array.from({ length: count }, (_, at) => ({
      id: from + at,
      name: `name ${random.below(1000)}`,
      active: at % 3 === 0,
      tags: [random.pick(words), null],
    }));
    return random.below(3) === 0 ? { list, total: count } : list;
  }

  /** 1022…1026 bytes of UTF-8, and as many characters. */
  nearThreshold(): string {
    const random = this.#random;
    const size = 1022 + random.below(5);
    if (random.below(2) === 0) return this.text(size);
    const bytes = Buffer.byteLength(this.text(size)) - size;
    return this.text(Math.max(1, size - bytes)).slice(0, size);
  }

  incompressible(): string {
    const random = this.#random;
    const bytes = Buffer.from(random.bytes(random.logUniform(700, 4000)));
    const kind = random.below(3);
    if (kind === 0) return bytes.toString("base64");
    if (kind === 1) return bytes.toString("latin1");
    return Buffer.concat([Buffer.from([0x1f, 0x8b, 8]), bytes]).toString("base64");
  }

  /** Savings on both sides of the tenth that a policy asks for. */
  barelyCompressible(): string {
    const random = this.#random;
    const noise = Buffer.from(random.bytes(1500)).toString("base64");
    return noise + noise.slice(0, random.below(2000));
  }

  text(length: number): string {
    const random = this.#random;
    let text = "";
    while (text.length < length) text += `${random.pick(words)} `;
    return text.slice(0, length);
  }

  /** Never digits alone, so that it is no number. */
  digits(length: number): string {
    return `d${Buffer.from(this.#random.bytes(length)).toString("hex").slice(0, length)}`;
  }
}
