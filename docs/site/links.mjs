// Links of the pages as the site has them: to other pages of it, or to the repository where its address is known.

import { dirname, join, normalize, relative } from "node:path";

/**
 * Where a page of the repository lies on the site: `docs/store.md` is `store.md`, `SECURITY.md` is `security.md`.
 *
 * @param {string} source
 */
export function pageOf(source) {
  if (source === "docs/README.md") return "guide.md";
  if (source === "examples/README.md") return "examples/index.md";
  if (source.startsWith("examples/")) return source.replace(/\/README\.md$/, ".md");
  return source.startsWith("docs/") ? source.slice(5) : source.toLowerCase();
}

/**
 * The address of the repository's files; undefined where package.json does not say it.
 *
 * @param {{ repository?: { url?: string } }} manifest
 */
export function repositoryUrl({ repository }) {
  const url = repository?.url?.replace(/^git\+/, "").replace(/\.git$/, "");
  return url === undefined ? undefined : `${url}/blob/main/`;
}

/**
 * The text with its relative links made links of the site. One to a file that the site does not have goes to the
 * repository, or, where its address is unknown, becomes plain text.
 *
 * @param {string} text
 * @param {{ source: string, known: ReadonlySet<string>, repository: string | undefined }} place
 */
export function siteLinks(text, { source, known, repository }) {
  const here = dirname(pageOf(source));
  // Pictures in HTML: the bundler takes a path without a dot for a package.
  const pictured = text.replaceAll(/\b(src|srcset)="(?![a-z]+:|[./])([^"]+)"/g, '$1="./$2"');
  return pictured.replaceAll(/(!?)\[([^\]]*)\]\(([^)\s]+)\)/g, (whole, image, words, link) => {
    if (image !== "" || /^([a-z]+:|#)/.test(link)) return whole;
    const [path = "", anchor] = link.split("#");
    const target = normalize(join(dirname(source), path)).replace(/\/$/, "");
    const page = [target, `${target}/README.md`].find((one) => known.has(one));
    const tail = anchor === undefined ? "" : `#${anchor}`;
    if (page !== undefined) return `[${words}](${slashed(relative(here, pageOf(page)))}${tail})`;
    return repository === undefined ? words : `[${words}](${repository}${target}${tail})`;
  });
}

/** @param {string} path */
const slashed = (path) => (path.startsWith(".") ? path : `./${path}`);
