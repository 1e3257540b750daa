// Bundles all subpaths into few files. esbuild alone cuts what entries share into one chunk for each set of entries that
// shares it: 28 files for "zstash", and each costs Node half a millisecond of a cold start.

import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { build } from "esbuild";

/**
 * A chunk that has a name of its own, and which of the sources' files are in it.
 *
 * @typedef {{ readonly name: string, readonly files: ReadonlySet<string> }} Chunk
 *
 * @typedef {import("esbuild").BuildOptions & { absWorkingDir: string, outdir: string }} Options
 *
 * The files by path, with what they import and the names that they export.
 *
 * @typedef {ReadonlyMap<string, { readonly imports: readonly string[], readonly exports: readonly string[] }>} Graph
 */

/**
 * The chunks, from the lowest up: each has what its roots import and no chunk before it has, so that none imports one after it.
 * Of several lists of roots it has what all of them need.
 *
 * @type {readonly { readonly name: string, readonly roots: readonly (readonly string[])[] }[]}
 */
const plan = [
  { name: "codec", roots: [["src/index.ts"]] },
  { name: "values", roots: [["src/upstash/index.ts", "src/serve/index.ts"], ["src/store/index.ts"]] },
  { name: "upstash", roots: [["src/upstash/index.ts"], ["src/redis.ts"]] },
  { name: "large", roots: [["src/upstash/on-demand/index.ts"], ["src/store/index.ts"]] },
  { name: "store", roots: [["src/store/index.ts"]] },
];

/**
 * Bundles entry points and the chunks of the plan. What is `apart` is bundled by itself: lazy halves, which would cut in two what is
 * loaded without them, and the command line take the rest from chunks; what is `whole` holds a copy of all that it needs.
 *
 * @param {Options} options
 * @param {readonly string[]} entryPoints
 * @param {{ apart: readonly string[], whole: readonly string[] }} others
 */
export async function bundleEntries(options, entryPoints, { apart, whole }) {
  const all = [...entryPoints, ...apart, ...whole];
  const graph = await readGraph(options, all);
  const chunks = planChunks(graph);
  const shared = (/** @type {readonly Chunk[]} */ known) => [
    ...(options.plugins ?? []),
    toEntries(all, options.absWorkingDir),
    toChunks(graph, known, options.absWorkingDir),
  ];
  const modules = chunks.filter(({ name }) => name.endsWith("-module"));
  const outputs = await Promise.all([
    ...chunks.map((chunk) => {
      const plugins = shared(chunks.filter((other) => other !== chunk));
      return bundleChunk({ ...options, plugins }, graph, chunk);
    }),
    build({
      ...options,
      entryPoints: [...entryPoints],
      chunkNames: "chunks/[name]-[hash]",
      write: false,
      plugins: shared(chunks),
    }),
    ...[...apart, ...whole].map((path) =>
      build({
        ...options,
        entryPoints: [path],
        chunkNames: "chunks/[name]-[hash]",
        write: false,
        plugins: shared(whole.includes(path) ? modules : chunks),
      }),
    ),
  ]);
  const folder = join(options.absWorkingDir, options.outdir);
  for (const { path, text } of outputs.flatMap(({ outputFiles = [] }) => outputFiles)) {
    const placed = text.replace(/(["'])zstash-bundle:([a-z/-]+)\1/g, (_, quote, name) => {
      const target = relative(dirname(path), join(folder, `${name}.js`)).replaceAll("\\", "/");
      return `${quote}${target.startsWith(".") ? target : `./${target}`}${quote}`;
    });
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, placed);
  }
}

/**
 * The files that the entry points reach: each is an entry of a bundle that is thrown away, because esbuild names the exports of
 * entries.
 *
 * @param {Options} options
 * @param {readonly string[]} entryPoints
 * @returns {Promise<Graph>}
 */
async function readGraph(options, entryPoints) {
  const analyze = (/** @type {readonly string[]} */ entries) =>
    build({ ...options, entryPoints: [...entries], write: false, metafile: true });
  const { metafile: reached } = await analyze(entryPoints);
  const paths = Object.keys(reached.inputs).filter((path) => path.startsWith("src/"));
  const { metafile } = await analyze(paths);
  const exported = new Map(
    Object.values(metafile.outputs).map(({ entryPoint, exports }) => [entryPoint, exports]),
  );
  return new Map(
    paths.map((path) => {
      const imports = (metafile.inputs[path]?.imports ?? [])
        .filter(({ kind, external }) => kind === "import-statement" && !external)
        .map((target) => target.path);
      return [path, { imports, exports: exported.get(path) ?? [] }];
    }),
  );
}

/**
 * @param {Graph} graph
 * @param {readonly string[]} roots
 * @returns {Set<string>}
 */
function reachedFrom(graph, roots) {
  const reached = new Set(roots);
  for (const path of reached) for (const target of graph.get(path)?.imports ?? []) reached.add(target);
  return reached;
}

/**
 * @param {Graph} graph
 * @returns {readonly Chunk[]}
 */
function planChunks(graph) {
  /** @type {Set<string>} */
  const taken = new Set();
  const planned = plan.map(({ name, roots }) => {
    const [first = new Set(), ...others] = roots.map((list) => reachedFrom(graph, list));
    const entries = new Set(roots.flat());
    const files = [...first].filter(
      (path) => !taken.has(path) && !entries.has(path) && others.every((other) => other.has(path)),
    );
    for (const path of files) taken.add(path);
    return { name, files: new Set(files) };
  });
  const modules = [...graph.keys()].flatMap((path) => {
    const [, adapter] = /^src\/adapters\/(\w+)\/inlined\.ts$/.exec(path) ?? [];
    return adapter === undefined || adapter === "sizes"
      ? []
      : [{ name: `${adapter}-module`, files: new Set([path]) }];
  });
  return [...planned, ...modules];
}

/**
 * Names of exports within a chunk: their own, with a number from the second file on that has an export of the name.
 *
 * @param {Graph} graph
 * @param {Chunk} chunk
 * @returns {ReadonlyMap<string, readonly (readonly [name: string, alias: string])[]>} by path
 */
function aliases(graph, { files }) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  return new Map(
    [...files].map((path) => {
      const names = (graph.get(path)?.exports ?? []).map((name) => {
        const count = (counts.get(name) ?? 0) + 1;
        counts.set(name, count);
        return /** @type {const} */ ([name, count === 1 ? name : `${name}$${count}`]);
      });
      return [path, names];
    }),
  );
}

/**
 * Leaves entry points that are imported on demand where they are.
 *
 * @param {readonly string[]} entryPoints
 * @param {string} root
 * @returns {import("esbuild").Plugin}
 */
function toEntries(entryPoints, root) {
  return {
    name: "entries",
    setup(build) {
      build.onResolve({ filter: /^\.{1,2}\/.*\.ts$/ }, ({ path, resolveDir, kind }) => {
        const file = sourceOf(path, resolveDir, root);
        if (kind !== "dynamic-import" || !entryPoints.includes(file)) return undefined;
        return { path: `zstash-bundle:${file.slice("src/".length, -".ts".length)}`, external: true };
      });
    },
  };
}

/**
 * The path of an import from the root.
 *
 * @param {string} path
 * @param {string} folder
 * @param {string} root
 */
function sourceOf(path, folder, root) {
  return relative(root, resolve(folder, path)).replaceAll("\\", "/");
}

/**
 * @param {Options} options
 * @param {Graph} graph
 * @param {Chunk} chunk
 */
function bundleChunk(options, graph, chunk) {
  const lines = [...aliases(graph, chunk)].map(([path, names]) => {
    const list = names.map(([name, alias]) => (name === alias ? name : `${name} as ${alias}`));
    return `export { ${list.join(", ")} } from "./${path}";`;
  });
  return build({
    ...options,
    stdin: { contents: lines.join("\n"), resolveDir: options.absWorkingDir, sourcefile: `${chunk.name}.ts` },
    outdir: join(options.outdir, "chunks"),
    entryNames: chunk.name,
    chunkNames: "[name]-[hash]",
    write: false,
  });
}

/**
 * Takes what lies in chunks from there.
 *
 * @param {Graph} graph
 * @param {readonly Chunk[]} chunks
 * @param {string} root
 * @returns {import("esbuild").Plugin}
 */
function toChunks(graph, chunks, root) {
  const places = new Map(
    chunks.flatMap((chunk) =>
      [...aliases(graph, chunk)].map(([path, names]) => [path, { name: chunk.name, names }]),
    ),
  );
  return {
    name: "chunks",
    setup(build) {
      build.onResolve({ filter: /^\.{1,2}\/.*\.ts$/ }, ({ path, importer, resolveDir, kind }) => {
        const file = sourceOf(path, resolveDir, root);
        if (kind === "entry-point" || !places.has(file)) return undefined;
        // One for each file that imports it: several entries would share one as a chunk of its own.
        return { path: `${file}?${sourceOf(importer, root, root)}`, namespace: "chunks", sideEffects: false };
      });
      build.onResolve({ filter: /^zstash-bundle:/ }, ({ path }) => ({
        path,
        external: true,
        sideEffects: false,
      }));
      build.onLoad({ filter: /.*/, namespace: "chunks" }, ({ path }) => {
        const [file = ""] = path.split("?");
        const { name, names } = /** @type {NonNullable<ReturnType<typeof places.get>>} */ (places.get(file));
        const list = names.map(([exported, alias]) =>
          alias === exported ? exported : `${alias} as ${exported}`,
        );
        return { contents: `export { ${list.join(", ")} } from "zstash-bundle:chunks/${name}";` };
      });
    },
  };
}
