/** The values of a rollout: what they are, which of them look like stored ones, and which version a text is. */
import { createRandom } from "../../support/random.ts";

export const COUNT = process.env["ZSTASH_LONG"] === "1" ? 50_000 : 5_000;

export const keyOf = (index: number): string => `v:${index}`;
/** Texts that look like stored values, which zstash wraps in every mode; a client without it would store them as they are. */
export const looksStored = (index: number): boolean => index % 97 === 5;

/** The value that was made last for each key: most reads are of it. */
const made: { readonly version: number; readonly text: string }[] = [];

/** The value of a key in a version: whoever reads it can tell whether it is whole, and which it is. */
export function valueOf(index: number, version: number): string {
  const known = made[index];
  if (known?.version === version) return known.text;
  const text = makeValue(index, version);
  made[index] = { version, text };
  return text;
}

function makeValue(index: number, version: number): string {
  const head = `${index}.${version}|`;
  if (looksStored(index)) return `zs1:KLUv/Sx ${head}${"and so on ".repeat(index % 50)}`;
  const random = createRandom(index * 1000 + version);
  const user = (): object => ({
    id: random.below(100_000),
    name: `user ${random.below(50)}`,
    city: random.pick(["東京", "Zürich", "New York", "São Paulo"]),
    tags: ["a", "b", "c"].slice(0, random.below(4)),
  });
  const list = (count: number): string => JSON.stringify(Array.from({ length: count }, user));
  const noise = (size: number): string =>
    Buffer.from(Array.from({ length: size }, () => random.below(256))).toString("base64");
  switch (index % 8) {
    case 0:
      return head;
    case 1:
    case 2:
      return head + list(2 + random.below(4));
    case 3:
    case 4:
      return head + list(15 + random.below(30));
    case 5:
      return head + noise(1500);
    case 6:
      return head + "one line of a log, much like the next\n".repeat(30 + random.below(30));
    default:
      return head + (index % 64 === 7 ? list(250) : `\uFEFF🙂 ${list(1)}`);
  }
}

/** The version of a value that was read; an error if it is none of that key's. */
export function versionIn(text: string, index: number): number {
  const match = /^(?:zs1:KLUv\/Sx )?(\d+)\.(\d+)\|/.exec(text);
  const version = Number(match?.[2]);
  if (Number(match?.[1]) !== index || text !== valueOf(index, version))
    throw new Error(`${keyOf(index)} was read wrong: ${JSON.stringify(text.slice(0, 60))}`);
  return version;
}
