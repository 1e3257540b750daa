// Gives each entry of docs/decisions.md an id and a date: new ones get the next number and the day on which this runs.

/** An entry begins with its decision in bold. */
const ENTRY = /^\*\*(?!D\d+ · )(?=\S)/;
const ID = /^\*\*D(\d+) · /;
const DATE = /\b20\d\d-\d\d-\d\d\b/;

/**
 * The entries of the page, each with its id and whether it has a date, of its own or of its section's heading.
 *
 * @param {string} text
 */
export function readDecisions(text) {
  let sectionDated = false;
  return text.split("\n\n").flatMap((paragraph) => {
    if (paragraph.startsWith("## ")) sectionDated = DATE.test(paragraph);
    if (!paragraph.startsWith("**")) return [];
    const id = ID.exec(paragraph)?.[1];
    return [
      {
        id: id === undefined ? undefined : Number(id),
        title: paragraph.replace(ID, "**").slice(0, 60),
        isDated: sectionDated || DATE.test(paragraph),
      },
    ];
  });
}

/**
 * The page with an id for every entry, and a date for those that have none.
 *
 * @param {string} text
 * @param {(paragraph: string) => string} dateOf
 */
export function numberDecisions(text, dateOf) {
  let next = Math.max(0, ...readDecisions(text).map(({ id }) => id ?? 0)) + 1;
  let sectionDated = false;
  return text
    .split("\n\n")
    .map((paragraph) => {
      if (paragraph.startsWith("## ")) sectionDated = DATE.test(paragraph);
      if (!paragraph.startsWith("**")) return paragraph;
      const numbered = ENTRY.test(paragraph) ? paragraph.replace(ENTRY, `**D${next++} · `) : paragraph;
      if (sectionDated || DATE.test(numbered)) return numbered;
      return numbered.replace(/^(\*\*[^]*?\*\*)/, (title) => `${title} (${dateOf(paragraph)})`);
    })
    .join("\n\n");
}
