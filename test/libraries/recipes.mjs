// The recipes of a page of docs/ as modules: a block of TypeScript that begins with `// name.mjs` is one.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const sources = {
  zstash: "index.ts",
  "zstash/upstash": "upstash/index.ts",
  "zstash/serve": "serve/index.ts",
};

/**
 * Writes the recipes of a page into a folder beside the libraries' packages; the names of zstash lead to its sources.
 * @param {string} page
 * @returns {{ codes: readonly { name: string, code: string }[], load(name: string): Promise<object>, remove(): void }}
 */
export function writeRecipes(page) {
  const text = readFileSync(new URL(`../../docs/${page}`, import.meta.url), "utf8");
  const blocks = [...text.matchAll(/^```ts\n(\/\/ ([\w-]+\.mjs)\n[^]*?)^```$/gm)];
  const codes = blocks.map(([, code, name]) => ({ name, code }));
  const folder = fileURLToPath(new URL(`.cache/${page}/`, import.meta.url));
  mkdirSync(folder, { recursive: true });
  for (const { name, code } of codes) {
    const linked = code.replaceAll(/from "(zstash[\w/]*)"/g, (_, from) => {
      if (!(from in sources))
        throw new Error(`${page}: ${name} imports ${from}, which recipes.mjs does not know`);
      return `from "${fileURLToPath(new URL(`../../src/${sources[from]}`, import.meta.url))}"`;
    });
    writeFileSync(`${folder}${name}`, linked);
  }
  return {
    codes,
    load: (name) => import(/* @vite-ignore */ `${folder}${name}`),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
