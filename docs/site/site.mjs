// Builds the documentation as a site: copies the pages with their links made the site's own, lets typedoc write the pages of
// the interface from the docstrings, and has VitePress make HTML of it all. `npm ci --prefix docs/site` once, then
// `npm run site --prefix docs/site`; the site is in .cache/site/. `--pages` stops before VitePress.

import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { Application, Converter, ReflectionKind, TSConfigReader } from "typedoc";
import { build } from "vitepress";
import { pageOf, repositoryUrl, siteLinks } from "./links.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const docs = join(here, "..");
const root = join(docs, "..");
const pages = join(here, ".pages");

/** Pages outside of docs/ that the site has too. */
const OTHERS = ["SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md"];
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

/**
 * The modules whose interface is described: the subpaths of the package, and their sources.
 *
 * @type {Readonly<Record<string, string>>}
 */
const modules = JSON.parse(readFileSync(join(root, "deno.json"), "utf8")).exports;

/** Copies the pages, pictures and the README of each example. */
function copyPages() {
  rmSync(pages, { recursive: true, force: true });
  mkdirSync(pages, { recursive: true });
  const own = readdirSync(docs).filter((name) => name.endsWith(".md"));
  const examples = readdirSync(join(root, "examples")).filter((name) =>
    existsSync(join(root, "examples", name, "README.md")),
  );
  const sources = [
    ...own.map((name) => `docs/${name}`),
    ...OTHERS,
    ...examples.map((name) => `examples/${name}/README.md`),
    ...(existsSync(join(root, "examples/README.md")) ? ["examples/README.md"] : []),
  ];
  const known = new Set(sources);
  for (const source of sources) {
    const target = join(pages, pageOf(source));
    mkdirSync(dirname(target), { recursive: true });
    const text = readFileSync(join(root, source), "utf8");
    writeFileSync(target, siteLinks(text, { source, known, repository: repositoryUrl(manifest) }));
  }
  for (const folder of readdirSync(docs, { withFileTypes: true })) {
    if (!folder.isDirectory() || ["generate", "site"].includes(folder.name)) continue;
    cpSync(join(docs, folder.name), join(pages, folder.name), { recursive: true });
  }
  writeFileSync(join(pages, "index.md"), homePage());
}

/** The first page: README's first figures, and where to go. */
function homePage() {
  const readme = readFileSync(join(root, "README.md"), "utf8");
  const lead = /<!-- lead: [^\n]* -->\n\n\*\*([^]*?)\*\*\n/.exec(readme)?.[1] ?? manifest.description;
  const [light, dark] = ["light", "dark"].map((theme) => `/readme/gain-${theme}.svg`);
  const features = [
    [
      "One import",
      "The client of @upstash/redis with all its commands; values are sent and stored as bytes.",
      "/client",
    ],
    ["Any size", "Values beyond the request limit, streamed in frames that fit the network.", "/store"],
    [
      "Small values too",
      "Dictionaries trained on your own data, kept in Redis, changed without a deployment.",
      "/dictionaries",
    ],
    [
      "Straight to the browser",
      "A stored frame is a response body; nothing is decoded on the way.",
      "/serving",
    ],
    [
      "Switched on step by step",
      "Estimate, shadow, read-only, on, and back. Metrics at each step.",
      "/rollout",
    ],
    ["Everywhere", "Node, Deno, Bun, Workers, Vercel, browsers: one build, one suite of tests.", "/runtimes"],
  ];
  return `---
layout: home
hero:
  name: zstash
  text: Zstandard for Redis over HTTP
  tagline: ${JSON.stringify(lead)}
  actions:
    - { theme: brand, text: Quick start, link: /quick-start }
    - { theme: alt, text: Documentation, link: /guide }
features:
${features.map(([title, details, link]) => `  - ${JSON.stringify({ title, details, link })}`).join("\n")}
---

<p class="gain"><img class="light" src="${light}" alt="Bytes in Redis and time of GET, without and with zstash"><img class="dark" src="${dark}" alt=""></p>
`;
}

/** What each module is for, in the order in which readers need them. */
const PURPOSES = {
  ".": "zstd for bytes, text, streams and byte ranges",
  "./redis": "the client of `@upstash/redis` that compresses",
  "./upstash": "compression for a client that keeps its own transport; single values for other clients",
  "./store": "values of any size, as streams",
  "./serve": "stored values as HTTP responses",
  "./browser": "stored values in a page, without a build step",
  "./decode": "the decoder alone",
  "./train": "makes dictionaries",
  "./dictionaries": "the life cycle of dictionaries in Redis",
  "./metrics": "counts for Prometheus and OpenTelemetry",
  "./next": "a cache handler for Next.js",
  "./dev": "the local server",
  "./bokuweb": "an engine for programs that ship `@bokuweb/zstd-wasm` already",
};

/** The first page of the interface: each module with what it is for. typedoc's own lists bare names. */
function interfacePage() {
  const known = Object.keys(PURPOSES).filter((subpath) => subpath in modules);
  const others = Object.keys(modules).filter((subpath) => !(subpath in PURPOSES));
  const lines = [...known, ...others].map((subpath) => {
    const name = `zstash${subpath.slice(1)}`;
    const purpose =
      subpath in PURPOSES ? `: ${PURPOSES[/** @type {keyof typeof PURPOSES} */ (subpath)]}` : "";
    return `- [${name}](./${name}/index.md)${purpose}`;
  });
  return `# The API of zstash\n\nA module for each subpath of the package, from its docstrings.\n\n${lines.join("\n")}\n`;
}

/** What the Markdown plugin is told; typedoc does not know these names. */
const SHAPE = {
  entryFileName: "index",
  hidePageHeader: true,
  hideBreadcrumbs: true,
  useCodeBlocks: true,
  sanitizeComments: true,
};

/** The codes of errors, each a heading of errors.md. */
const CODES = new Set(
  readFileSync(join(docs, "errors.md"), "utf8")
    .match(/^### [A-Z_]+$/gm)
    ?.map((heading) => heading.slice(4)),
);

/**
 * Puts the class that is thrown before the words about it, which the Markdown plugin leaves out, and links codes to what they
 * mean.
 *
 * @param {import("typedoc").Comment | undefined} comment
 */
function explainThrown(comment) {
  for (const { tag, content, typeAnnotation } of comment?.blockTags ?? []) {
    if (tag !== "@throws") continue;
    for (const part of content)
      if (part.kind === "text")
        part.text = part.text.replaceAll(/\b[A-Z]{5}[A-Z_]*\b/g, (word) =>
          CODES.has(word) ? `[${word}](/errors#${word.toLowerCase().replaceAll("_", "-")})` : word,
        );
    const thrown = typeAnnotation?.replaceAll(/^\{|\}$/g, "");
    if (thrown !== undefined)
      content.unshift({ kind: "code", text: `\`${thrown}\`` }, { kind: "text", text: " " });
  }
}

/** The interface, a page for each module and type, from the docstrings. */
async function writeInterface() {
  const application = await Application.bootstrapWithPlugins(
    {
      entryPoints: Object.values(modules).map((path) => join(root, path)),
      tsconfig: join(root, "tsconfig.json"),
      plugin: ["typedoc-plugin-markdown"],
      out: join(pages, "api"),
      readme: "none",
      name: "zstash",
      skipErrorChecking: true,
      excludeInternal: true,
      excludeExternals: true,
      excludePrivate: true,
      disableSources: true,
      hideGenerator: true,
      // Which class is thrown is a part of what is said of it.
      preservedTypeAnnotationTags: ["@throws"],
      sort: ["source-order"],
      logLevel: "Warn",
      validation: { notExported: true, invalidLink: true, invalidPath: true, rewrittenLink: true },
      ...SHAPE,
    },
    [new TSConfigReader()],
  );
  // "./src/store/index.ts", which typedoc calls "store", is "zstash/store" to people.
  const names = new Map(
    Object.entries(modules).map(([subpath, path]) => [
      path.replace(/^\.\/src\//, "").replace(/(\/index)?\.ts$/, ""),
      `zstash${subpath.slice(1)}`,
    ]),
  );
  application.converter.on(Converter.EVENT_CREATE_DECLARATION, (_, reflection) => {
    if (reflection.kind === ReflectionKind.Module)
      reflection.name = names.get(reflection.name) ?? reflection.name;
  });
  application.converter.on(Converter.EVENT_RESOLVE, (_, reflection) => explainThrown(reflection.comment));
  const project = await application.convert();
  if (project === undefined) throw new Error("Cannot read the interface");
  application.validate(project);
  await application.generateOutputs(project);
  const { warningCount, errorCount } = application.logger;
  if (warningCount + errorCount > 0)
    throw new Error(`The interface has ${warningCount} warnings and ${errorCount} errors, which stand above`);
  writeFileSync(join(pages, "api", "index.md"), interfacePage());
}

const started = performance.now();
copyPages();
await writeInterface();
if (!process.argv.includes("--pages")) await build(here);
const seconds = ((performance.now() - started) / 1000).toFixed(1);
console.log(`${relative(root, join(root, ".cache", "site"))}: ${seconds} s`);
