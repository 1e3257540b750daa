/** docs/article.md: the article's claims beside what was measured here, made of a file of results alone. */
import { format } from "prettier";
import { articleSections } from "../article/sections.mjs";

/** @typedef {import("../results.mjs").Results} Results */

/**
 * @param {Results} results
 * @param {string} file the name of the file that they are from
 * @returns {Promise<string>}
 */
export async function articlePage({ article = {}, against }, file) {
  if (against === undefined) throw new Error("the file has no run against the peers");
  const texts = [];
  for (const { name } of articleSections) {
    const part = article[name];
    if (part === undefined) continue;
    const { section } = await import(`./article/${name}.mjs`);
    const { date, machine, load, seconds, versions } = part;
    const list = Object.entries(versions).map(([program, version]) => `${program} ${version}`);
    texts.push(
      `${section(part, against, article)}\n\n_\`npm run bench -- --only article/${name}\`, ${date}, ${seconds} s, ${machine}, load average ${load.toFixed(1)} at the start, ${list.join(", ")}._`,
    );
  }
  const page = `# The article's claims, measured

zstash grew from an article about writing to Redis from Go with zstd. This page sets what it claims beside what was measured here
on the same kind of work, and says why they differ. Its times belong to its machine and its link; what can be
compared are ratios and orders.

\`npm run bench -- --only article\` measures all of it; the page is made of \`bench/results/${file}\`. The times of the
codec are those of [the benchmarks](benchmarks.md).

${texts.join("\n\n")}
`;
  return format(page, { parser: "markdown", printWidth: 110 });
}

/**
 * The pictures of the page by their paths below docs/: those of each section that has any.
 *
 * @param {Results} results
 * @returns {Promise<Readonly<Record<string, string>>>}
 */
export async function articlePictures({ article = {} }) {
  /** @type {Record<string, string>} */
  const all = {};
  for (const { name } of articleSections) {
    const part = article[name];
    const { pictures } = await import(`./article/${name}.mjs`);
    if (part !== undefined && pictures !== undefined) Object.assign(all, pictures(part));
  }
  return all;
}
