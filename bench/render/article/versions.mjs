/** The section of docs/article.md about mixed versions of readers and writers. */
import { markdownTable } from "../tables.mjs";
import { listed } from "../words.mjs";

/** @typedef {import("../../article/sections.mjs").Article["versions"]} Part */

const VALUE = "the value";
const FOREIGN = "another value";
/** What a reader without zstash makes of a frame. */
const HANDED_ON = ["base64", "broken text"];

/** @param {Part} part */
export function section({ outcomes: { compressed, short } }) {
  const writers = Object.keys(compressed);
  const readers = Object.keys(Object.values(compressed)[0]);
  const rows = writers.map((writer) => [
    writer,
    ...readers.map((reader) => {
      const outcome = compressed[writer][reader];
      return outcome === VALUE ? "yes" : outcome === FOREIGN ? `**${outcome} !**` : outcome;
    }),
  ]);
  const cells = [compressed, short].flatMap((matrix) =>
    writers.flatMap((writer) =>
      readers.map((reader) => ({ writer, reader, outcome: matrix[writer][reader] })),
    ),
  );
  const wrong = cells.filter(({ outcome }) => outcome === FOREIGN);
  const handing = readers.filter((reader) =>
    writers.some((writer) => HANDED_ON.includes(compressed[writer][reader])),
  );
  const codes = [...new Set(cells.map(({ outcome }) => outcome))].filter(
    (outcome) => ![VALUE, FOREIGN, ...HANDED_ON].includes(outcome),
  );
  const byAll = writers.filter((writer) => readers.every((reader) => compressed[writer][reader] === VALUE));
  const notShort = writers.filter((writer) => readers.some((reader) => short[writer][reader] !== VALUE));
  const total =
    wrong.length === 0
      ? `Of ${cells.length} pairs of writer, reader and value none was decoded to another value than was written. What a reader hands on as it lies (frames, base64, bytes broken as text) is in the table.`
      : `**Of ${cells.length} pairs of writer, reader and value ${wrong.length} gave another value:** ${listed(wrong.map(({ writer, reader }) => `${writer} read by ${reader}`))}.`;
  return `## Mixed versions of readers and writers

**It claims**:

${markdownTable(["", "new reader", "old reader"], [["new writer", "decodes", "hands the bytes on"]])}

Here every writer has written a value of 4 KB of JSON, and one that is too short for compression, to a real Redis, and every reader has read them: the stock
client, zstash 0.1.0 from the tarball of its release, and zstash of today, by the carrier (text is \`withCompression\`, raw is \`zstash/redis\`, which 0.1.0 had as
\`withCompression\` with \`url\` and \`token\`), the store, and the modes. The value of 4 KB:

${markdownTable(["written by, read by →", ...readers], rows)}

**Why they differ.** ${total} ${
    handing.length > 0
      ? `"Hands the bytes on" is true of readers that do not look for frames (${listed(handing)}), and no use to a client of text: it
shows base64, or characters that are none.`
      : "No reader handed bytes on here."
  } The version of a reader is not all that counts, the carrier and the mode decide too: ${
    codes.length > 0
      ? `a reader that sees that it cannot read says so (${listed(codes)}).`
      : "no reader refused anything here."
  } ${
    byAll.length > 0
      ? `Every reader has the values of ${listed(byAll)}, which is why a rollout begins with readers and with modes
that write values as they are ([rollout.md](rollout.md)).`
      : "No writer's values are read by all."
  } ${
    notShort.length === 0
      ? "Every reader has the short value."
      : `Every reader has the short value, but not as ${listed(notShort)} wrote it${notShort.every((writer) => writer.includes("store")) ? ": stores make a frame of everything" : ""}.`
  } [versions.md](versions.md) has what is promised.`;
}
