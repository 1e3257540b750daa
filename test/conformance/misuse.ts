/** Wrong arguments are a TypeError or a RangeError that never holds a value. */
import { frame, header, MAGIC, rawFrame, skippable } from "./build-frame.ts";
import type { Case, Context } from "./case.ts";
import { decodersOf, equal, fail, misuse } from "./case.ts";
import { concat, flipBit, utf8 } from "./data.ts";

const SECRET = "hunter2-correct-horse";
const secretBytes = utf8(SECRET);
const after = utf8("the next call works");

/** A method as JavaScript sees it: anything may be passed. */
type Untyped = (...parameters: readonly unknown[]) => unknown;

function untyped<Target extends object>(target: Target, method: keyof Target): Untyped {
  return (...parameters) => (target[method] as Untyped).apply(target, [...parameters]);
}

const notBytes: readonly (readonly [string, unknown])[] = [
  ["nothing", undefined],
  ["null", null],
  ["a number", 5],
  ["a boolean", true],
  ["a bigint", 5n],
  ["a symbol", Symbol(SECRET)],
  ["an array", [40, 181, 47, 253]],
  ["an object", { 0: 40, length: 1, secret: SECRET }],
  ["an ArrayBuffer", secretBytes.buffer],
  ["a DataView", new DataView(secretBytes.buffer)],
  ["a Uint16Array", new Uint16Array(4)],
  ["an Int8Array", new Int8Array(4)],
  ["a Uint8ClampedArray", new Uint8ClampedArray(4)],
  ["a promise", Promise.resolve(secretBytes)],
  ["an object that says it is something else", { constructor: { name: SECRET } }],
  ["an object without a prototype", Object.create(null)],
  ["a function", (): Uint8Array => secretBytes],
];

const notOptions: readonly unknown[] = [null, 5, SECRET, true];

function keepsSecret(about: string, error: Error): void {
  // Neither as text nor as the numbers of its bytes, nor in base64.
  const numbers = [...secretBytes.subarray(0, 4)];
  for (const trace of [SECRET, SECRET.slice(0, 8), numbers.join(), numbers.join(" "), "aHVudGVy"]) {
    if (error.message.includes(trace)) fail(`${about}: the message holds the value: ${error.message}`);
  }
}

/** As `misuse`, and the message does not hold the value, and the instance works afterwards. */
function refuses(
  { zstd }: Context,
  kind: "TypeError" | "RangeError",
  argument: string,
  about: string,
  run: () => unknown,
): void {
  keepsSecret(about, misuse(kind, argument, about, run));
  equal(zstd.decompress(zstd.compress(after)), after, `after ${about}`);
}

const argumentTypes: Case[] = [
  {
    name: "misuse: data of a wrong type is a TypeError naming data",
    run(context) {
      for (const [kind, value] of notBytes) {
        const compress = untyped(context.zstd, "compress");
        refuses(context, "TypeError", "data", `compress of ${kind}`, () => compress(value));
        for (const [name, decoder] of decodersOf(context)) {
          for (const method of ["decompress", "decompressText"] as const) {
            const about = `${name}, ${method} of ${kind}`;
            refuses(context, "TypeError", "data", about, () => untyped(decoder, method)(value));
          }
        }
      }
      for (const [name, decoder] of decodersOf(context)) {
        for (const method of ["decompress", "decompressText"] as const) {
          for (const text of [SECRET, "", "KLUv/QBYkQAA"]) {
            const about = `${name}, ${method} of a string`;
            refuses(context, "TypeError", "data", about, () => untyped(decoder, method)(text));
          }
        }
      }
    },
  },
  {
    name: "misuse: options of a wrong type are a TypeError naming options",
    run(context) {
      const data = rawFrame(secretBytes);
      for (const value of notOptions) {
        const compress = untyped(context.zstd, "compress");
        const about = `options ${typeof value}`;
        refuses(context, "TypeError", "options", `compress, ${about}`, () => compress(secretBytes, value));
        for (const [name, decoder] of decodersOf(context)) {
          for (const method of ["decompress", "decompressText"] as const) {
            const run = (): unknown => untyped(decoder, method)(data, value);
            refuses(context, "TypeError", "options", `${name}, ${method}, ${about}`, run);
          }
        }
      }
    },
  },
  {
    name: "misuse: options of compress",
    run(context) {
      const compress = untyped(context.zstd, "compress");
      const wrong: readonly (readonly ["TypeError" | "RangeError", string, unknown])[] = [
        ["TypeError", "level", "1"],
        ["TypeError", "level", SECRET],
        ["TypeError", "level", null],
        ["TypeError", "level", 1n],
        ["TypeError", "level", {}],
        ["RangeError", "level", 23],
        ["RangeError", "level", -8],
        ["RangeError", "level", 1.5],
        ["RangeError", "level", Number.NaN],
        ["RangeError", "level", Number.POSITIVE_INFINITY],
        ["RangeError", "level", 2 ** 32 + 1],
        ["RangeError", "level", -131_072],
        ["TypeError", "checksum", 1],
        ["TypeError", "checksum", "false"],
        ["TypeError", "checksum", null],
        ["TypeError", "dictionary", 5],
        ["TypeError", "dictionary", SECRET],
        ["TypeError", "dictionary", null],
        ["TypeError", "dictionary", secretBytes],
        ["TypeError", "dictionary", {}],
        ["TypeError", "parameters", 5],
        ["TypeError", "parameters", SECRET],
        ["TypeError", "parameters", null],
      ];
      for (const [kind, argument, value] of wrong) {
        const about = `${argument} as ${value === null ? "null" : typeof value}`;
        refuses(context, kind, argument, about, () => compress(secretBytes, { [argument]: value }));
      }
    },
  },
  {
    name: "misuse: advanced parameters",
    needs: ["levels"],
    run(context) {
      const compress = untyped(context.zstd, "compress");
      const wrong: readonly (readonly ["TypeError" | "RangeError", string, unknown])[] = [
        ["TypeError", "windowLog", "20"],
        ["TypeError", "windowLog", null],
        ["TypeError", "strategy", {}],
        ["RangeError", "windowLog", Number.NaN],
        ["RangeError", "windowLog", 9],
        ["RangeError", "windowLog", 28],
        ["RangeError", "windowLog", 20.5],
        ["RangeError", "windowLog", 0],
        ["RangeError", "strategy", 0],
        ["RangeError", "strategy", 10],
        ["RangeError", "minMatch", 2],
        ["RangeError", "minMatch", 8],
        ["RangeError", "hashLog", 5],
        ["RangeError", "hashLog", 31],
        ["RangeError", "chainLog", 5],
        ["RangeError", "targetLength", -1],
        ["RangeError", "targetLength", 131_073],
      ];
      for (const [kind, parameter, value] of wrong) {
        const parameters = { [parameter]: value };
        refuses(context, kind, parameter, `${parameter} ${String(value)}`, () =>
          compress(secretBytes, { parameters }),
        );
      }
    },
  },
  {
    name: "misuse: options of decompress",
    run(context) {
      const data = rawFrame(secretBytes);
      const wrong: readonly (readonly ["TypeError" | "RangeError", string, unknown])[] = [
        ["TypeError", "maxSize", "100"],
        ["TypeError", "maxSize", SECRET],
        ["TypeError", "maxSize", null],
        ["TypeError", "maxSize", 100n],
        ["RangeError", "maxSize", -1],
        ["RangeError", "maxSize", 1.5],
        ["RangeError", "maxSize", Number.NaN],
        ["RangeError", "maxSize", Number.NEGATIVE_INFINITY],
        ["RangeError", "maxSize", 2 ** 60],
      ];
      const wrongInto = [
        SECRET,
        null,
        5,
        [],
        {},
        new ArrayBuffer(100),
        new Uint16Array(50),
        new DataView(new ArrayBuffer(9)),
      ];
      for (const [name, decoder] of decodersOf(context)) {
        for (const method of ["decompress", "decompressText"] as const) {
          const call = untyped(decoder, method);
          for (const [kind, argument, value] of wrong) {
            const about = `${name}, ${method}, ${argument} as ${value === null ? "null" : typeof value}`;
            refuses(context, kind, argument, about, () => call(data, { [argument]: value }));
          }
        }
        const decompress = untyped(decoder, "decompress");
        for (const into of wrongInto) {
          refuses(context, "TypeError", "into", `${name}, into as ${typeof into}`, () =>
            decompress(data, { into }),
          );
        }
      }
    },
  },
  {
    name: "misuse: options are not changed, frozen ones work",
    run(context) {
      const options = Object.freeze({ level: 1 });
      const data = context.zstd.compress(secretBytes, options);
      for (const [name, decoder] of decodersOf(context)) {
        const limits = Object.freeze({ maxSize: 1000, into: new Uint8Array(100) });
        equal(decoder.decompress(data, limits), secretBytes, name);
        equal(Object.keys(limits).join(), "maxSize,into", `${name}, the options`);
      }
      equal(JSON.stringify(options), '{"level":1}', "the options of compress");
    },
  },
];

/** Everything that can be thrown for a frame that holds the secret. */
function* damaged(context: Context): Generator<Uint8Array> {
  const text = SECRET.repeat(20);
  const good = context.zstd.compress(utf8(text));
  const raw = rawFrame(secretBytes);
  for (const data of [good, raw]) {
    for (let end = 0; end < data.length; end++) yield data.subarray(0, end);
    for (let bit = 0; bit < 8 * data.length; bit++) yield flipBit(data, bit);
    yield concat(data, secretBytes);
    yield concat(data, MAGIC, secretBytes);
  }
  yield secretBytes;
  yield concat(MAGIC, secretBytes);
  yield concat(header({ dictionaryId: 7, contentSize: 5 }), secretBytes);
  yield frame({ contentSize: 21 }, { reserved: secretBytes });
  yield frame({ contentSize: 2 ** 40 }, { raw: secretBytes });
  yield frame({ contentSize: 21 }, { compressed: secretBytes });
  yield skippable(secretBytes).subarray(0, 20);
  yield rawFrame(concat(secretBytes, Uint8Array.of(0xff)));
}

const secrets: Case[] = [
  {
    name: "misuse: messages and properties of errors never hold content",
    run(context) {
      const limits = [{}, { maxSize: 10 }, { into: new Uint8Array(8) }];
      for (const data of damaged(context)) {
        for (const [name, decoder] of decodersOf(context)) {
          for (const limit of limits) {
            for (const method of ["decompress", "decompressText"] as const) {
              if ("into" in limit && method === "decompressText") continue;
              try {
                decoder[method](data, limit);
              } catch (error) {
                if (!(error instanceof context.ZstashError)) throw error;
                keepsSecret(name, error);
                const own = JSON.stringify({
                  ...error,
                  stack: String(error.stack),
                  cause: String(error.cause),
                });
                if (own.includes(SECRET)) fail(`${name}: the error holds the value`);
              }
            }
          }
        }
        try {
          context.readFrameHeader(data);
        } catch (error) {
          keepsSecret("readFrameHeader", error as Error);
        }
      }
    },
  },
  {
    name: 'misuse: messages read "Cannot …: …"',
    run(context) {
      for (const data of damaged(context)) {
        for (const [name, decoder] of decodersOf(context)) {
          try {
            decoder.decompress(data, { maxSize: 10 });
          } catch (error) {
            const { message } = error as Error;
            if (!/^Cannot [a-z].*: \S/s.test(message)) fail(`${name}: "${message}"`);
          }
        }
      }
    },
  },
];

export const misuses: readonly Case[] = [...argumentTypes, ...secrets];
