// Gives each entry of docs/decisions.md an id and a date: new ones get the next number and the day on which this runs. An entry
// that a merge has glued to the one above is parted from it, and an id that two branches have given stays with the first.

/** An entry begins with its decision in bold. */
const ENTRY = /^\*\*(?!D\d+ · )(?=\S)/;
const ID = /^\*\*D(\d+) · /;
const DATE = /\b20\d\d-\d\d-\d\d\b/;
/** The end of an entry's first paragraph: the files in which the decision is carried out. */
const CODE = /\bCode: (\[[^\]]+\]\([^)]+\)(?:, \[[^\]]+\]\([^)]+\))*)\.$/;

/** Paragraphs of the page; a line that begins with a decision in bold begins one. @param {string} text */
const paragraphsOf = (text) => text.split(/\n\n|\n(?=\*\*D\d+ · |\*\*[^*\n]+\*\* \(20\d\d-)/);

/**
 * The entries of the page, each with its id, whether it has a date, of its own or of its section's heading, and the paths
 * that it links to after "Code:".
 *
 * @param {string} text
 */
export function readDecisions(text) {
  let sectionDated = false;
  return text.split("\n\n").flatMap((paragraph) => {
    if (paragraph.startsWith("## ")) sectionDated = DATE.test(paragraph);
    if (!paragraph.startsWith("**")) return [];
    const id = ID.exec(paragraph)?.[1];
    const code = CODE.exec(paragraph.trimEnd())?.[1] ?? "";
    return [
      {
        id: id === undefined ? undefined : Number(id),
        title: paragraph.replace(ID, "**").slice(0, 60),
        isDated: sectionDated || DATE.test(paragraph),
        isAlone: paragraphsOf(paragraph).length === 1,
        code: [...code.matchAll(/\]\(([^)]+)\)/g)].map(([, path]) => /** @type {string} */ (path)),
      },
    ];
  });
}

/**
 * The page with an id of its own for every entry, and a date for those that have none.
 *
 * @param {string} text
 * @param {(paragraph: string) => string} dateOf
 */
export function numberDecisions(text, dateOf) {
  const paragraphs = paragraphsOf(text);
  let next = Math.max(0, ...paragraphs.map((paragraph) => Number(ID.exec(paragraph)?.[1] ?? 0))) + 1;
  let sectionDated = false;
  const taken = new Set();
  return paragraphs
    .map((paragraph) => {
      if (paragraph.startsWith("## ")) sectionDated = DATE.test(paragraph);
      if (!paragraph.startsWith("**")) return paragraph;
      const given = ID.exec(paragraph)?.[1];
      const unnumbered = given !== undefined && taken.has(given) ? paragraph.replace(ID, "**") : paragraph;
      taken.add(given);
      const numbered = unnumbered.replace(ENTRY, () => `**D${next++} · `);
      if (sectionDated || DATE.test(numbered)) return numbered;
      return numbered.replace(/^(\*\*[^]*?\*\*)/, (title) => `${title} (${dateOf(paragraph)})`);
    })
    .join("\n\n");
}
