/** Generated parts of pages that people write the rest of. */

/**
 * A page with the block between `<!-- name: … -->` and `<!-- /name -->` replaced.
 *
 * @param {string} page
 * @param {string} name
 * @param {string} content
 */
export function replaceBlock(page, name, content) {
  const block = new RegExp(`(<!-- ${name}: [^\\n]* -->\\n)[^]*?(<!-- /${name} -->)`);
  if (!block.test(page)) throw new Error(`the page has no markers for ${name}`);
  return page.replace(block, (_, start, end) => `${start}\n${content}\n\n${end}`);
}
