/**
 * What the files of src/ import, in which layer each of them lies, and the circles that imports make: for the test of
 * the layers and for the picture of them in the docs.
 */
import { readFileSync, readdirSync } from "node:fs";
import { parseAst } from "vitest/node";

/**
 * A file below src/, its path with forward slashes.
 *
 * @typedef {{ readonly path: string, readonly text: string }} SourceFile
 *
 * A node of the syntax tree, as ESTree and typescript-eslint name them.
 *
 * @typedef {{ readonly type: string, readonly start: number, readonly end: number, readonly [key: string]: unknown }} Node
 *
 * A node and where it hangs.
 *
 * @typedef {{ readonly node: Node, readonly parent: Node | undefined, readonly key: string }} Placed
 *
 * One way to name another module. "dynamic" is import(), "type" is what leaves no trace at run time; `specifier` is
 * undefined where it is computed.
 *
 * @typedef {{ readonly specifier: string | undefined, readonly kind: "static" | "dynamic" | "type", readonly node: Node }} Import
 */

/**
 * The layer of each folder and file of src/: a file imports from lower layers and from its own folder.
 *
 * @type {Readonly<Record<string, number>>}
 */
export const layers = {
  "bytes.ts": 0,
  "byte-buffer.ts": 0,
  "check.ts": 0,
  "errors.ts": 0,
  "limits.ts": 0,
  "streams.ts": 0,
  "text.ts": 0,
  "signals.ts": 0,
  "signs.ts": 0,
  "timers.ts": 0,
  format: 1,
  engine: 2,
  adapters: 2,
  codec: 3,
  metrics: 3,
  value: 4,
  rest: 4,
  dictionaries: 4,
  // The doors of "zstash" and "zstash/decode": they pass on what the codec and the layers below it have.
  "index.ts": 4,
  "decode.ts": 4,
  upstash: 5,
  store: 5,
  serve: 5,
  browser: 5,
  train: 5,
  "life-cycle": 5,
  "redis.ts": 5,
  dev: 6,
  // A plug-in of a program: it runs in the process of Next.js on Node.
  next: 6,
  cli: 6,
};

/** The layer of programs. */
export const PROGRAMS = 6;

/**
 * The folder below src/ that a file is in, or the file itself at the top.
 *
 * @param {string} path
 * @returns {string}
 */
export function unitOf(path) {
  return /** @type {string} */ (path.split("/")[0]);
}

/**
 * All files of a folder that are TypeScript, in order of their paths.
 *
 * @param {string} root With a slash at its end.
 * @returns {SourceFile[]}
 */
export function readSources(root) {
  return readdirSync(root, { recursive: true, encoding: "utf8" })
    .map((path) => path.replaceAll("\\", "/"))
    .filter((path) => path.endsWith(".ts"))
    .sort()
    .map((path) => ({ path, text: readFileSync(`${root}${path}`, "utf8") }));
}

/**
 * @param {unknown} value
 * @returns {value is Node}
 */
export function isNode(value) {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}

/**
 * All nodes of a file, outer ones first.
 *
 * @param {string} path Its ending says the language.
 * @param {string} text
 * @returns {Placed[]}
 */
export function parse(path, text) {
  const lang = path.endsWith(".d.ts") ? "dts" : path.endsWith(".ts") ? "ts" : "jsx";
  const program = /** @type {Node} */ (/** @type {unknown} */ (parseAst(text, { lang, astType: "ts" })));
  /** @type {Placed[]} */
  const nodes = [];
  collect(program, undefined, "", nodes);
  return nodes;
}

/**
 * @param {Node} node
 * @param {Node | undefined} parent
 * @param {string} key
 * @param {Placed[]} into
 */
function collect(node, parent, key, into) {
  into.push({ node, parent, key });
  for (const [name, child] of Object.entries(node)) {
    for (const each of Array.isArray(child) ? child : [child])
      if (isNode(each)) collect(each, node, name, into);
  }
}

/**
 * Every way in which a file names another module: import, export from, import(), and import("…") in a type.
 *
 * @param {readonly Placed[]} nodes
 * @returns {Import[]}
 */
export function importsOf(nodes) {
  return nodes.flatMap(({ node }) => {
    const kind = importKind(node);
    if (kind === undefined) return [];
    const source = node["source"];
    const value = isNode(source) ? source["value"] : undefined;
    return [{ specifier: typeof value === "string" ? value : undefined, kind, node }];
  });
}

/**
 * @param {Node} node
 * @returns {Import["kind"] | undefined}
 */
function importKind(node) {
  switch (node.type) {
    case "ImportDeclaration":
      // `import { type X }` still loads the module.
      return node["importKind"] === "type" ? "type" : "static";
    case "ExportAllDeclaration":
    case "ExportNamedDeclaration":
      if (!isNode(node["source"])) return undefined;
      return node["exportKind"] === "type" ? "type" : "static";
    case "ImportExpression":
      return "dynamic";
    case "TSImportType":
      return "type";
    default:
      return undefined;
  }
}

/**
 * The path to which a relative specifier leads, below the root; undefined where it leads out of it.
 *
 * @param {string} from
 * @param {string} specifier
 * @returns {string | undefined}
 */
export function resolve(from, specifier) {
  const parts = from.split("/").slice(0, -1);
  for (const part of specifier.split("/")) {
    if (part === "..") {
      if (parts.pop() === undefined) return undefined;
    } else if (part !== ".") parts.push(part);
  }
  return parts.join("/");
}

/**
 * The files that each file imports, in any way. A condition of package.json (`#wasm/full`, `#host`, `#http`) leads to every file that it
 * may choose.
 *
 * @param {readonly SourceFile[]} files
 * @returns {Map<string, Set<string>>}
 */
export function importGraph(files) {
  const paths = files.map(({ path }) => path);
  const known = new Set(paths);
  return new Map(
    files.map(({ path, text }) => {
      /** @type {Set<string>} */
      const targets = new Set();
      for (const { specifier = "" } of importsOf(parse(path, text))) {
        if (/^#(?:host|http|channels|wasm\/\w+)$/.test(specifier)) {
          const folder = `adapters/${specifier.replace(/^#(?:wasm\/)?/, "")}/`;
          for (const target of paths) if (target.startsWith(folder)) targets.add(target);
        } else if (specifier.startsWith(".")) {
          const target = resolve(path, specifier);
          if (target !== undefined && known.has(target)) targets.add(target);
        }
      }
      return [path, targets];
    }),
  );
}

/**
 * The circles of a graph: for each group of files of which every one reaches every other, the group and one of the
 * shortest ways around in it. The largest group comes first.
 *
 * @param {ReadonlyMap<string, ReadonlySet<string>>} graph
 * @returns {{ readonly files: string[], readonly way: string[] }[]}
 */
export function circlesOf(graph) {
  const reached = new Map([...graph.keys()].map((path) => [path, reachedFrom(graph, path)]));
  /** @param {string} a @param {string} b */
  const reaches = (a, b) => reached.get(a)?.has(b) === true;
  /** @type {Set<string>} */
  const seen = new Set();
  const circles = [];
  for (const path of graph.keys()) {
    if (seen.has(path) || !reaches(path, path)) continue;
    const files = [...graph.keys()].filter((other) => reaches(path, other) && reaches(other, path));
    for (const file of files) seen.add(file);
    const ways = files.map((file) => wayAround(graph, file));
    const [way] = ways.sort((a, b) => a.length - b.length);
    circles.push({ files, way: way ?? [] });
  }
  return circles.sort((a, b) => b.files.length - a.files.length);
}

/**
 * @param {ReadonlyMap<string, ReadonlySet<string>>} graph
 * @param {string} from
 * @returns {Set<string>}
 */
function reachedFrom(graph, from) {
  /** @type {Set<string>} */
  const reached = new Set();
  const queue = [from];
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    for (const target of graph.get(path) ?? []) {
      if (reached.has(target)) continue;
      reached.add(target);
      queue.push(target);
    }
  }
  return reached;
}

/**
 * A shortest way from a file back to itself.
 *
 * @param {ReadonlyMap<string, ReadonlySet<string>>} graph
 * @param {string} start
 * @returns {string[]}
 */
function wayAround(graph, start) {
  let ways = [[start]];
  /** @type {Set<string>} */
  const seen = new Set();
  while (ways.length > 0) {
    /** @type {string[][]} */
    const longer = [];
    for (const way of ways) {
      for (const target of graph.get(/** @type {string} */ (way.at(-1))) ?? []) {
        if (target === start) return [...way, start];
        if (seen.has(target)) continue;
        seen.add(target);
        longer.push([...way, target]);
      }
    }
    ways = longer;
  }
  return [];
}
