/** The rules that the sources keep, as tables and as functions from a file's text to what breaks them. */
import { parseAst } from "vitest/node";

/** A file below src/, its path with forward slashes. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

export interface Finding {
  readonly rule: string;
  readonly path: string;
  readonly line: number;
  readonly message: string;
}

/** Which layer each folder or file of src/ is in: a file imports from lower layers and from its own folder. */
export const layers: Readonly<Record<string, number>> = {
  "byte-buffer.ts": 0,
  "bytes.ts": 0,
  "check.ts": 0,
  "errors.ts": 0,
  "limits.ts": 0,
  "streams.ts": 0,
  "text.ts": 0,
  format: 1,
  engine: 2,
  adapters: 2,
  codec: 3,
  metrics: 3,
  value: 4,
  rest: 4,
  // The public root: it re-exports the codec, and nothing but programs and integrations could import it.
  "index.ts": 4,
  "decode.ts": 4,
  upstash: 5,
  store: 5,
  serve: 5,
  dev: 6,
  cli: 6,
};

/** The layer of programs: alone allowed to know the runtime. */
const PROGRAMS = 6;

/** Edges within a layer that are meant. */
const siblings: Readonly<Record<string, readonly string[]>> = {
  "check.ts": ["bytes.ts", "limits.ts"],
  // `zstash dev` is a command.
  cli: ["dev"],
};

/** Folders that only these may import, whatever the layer. */
const importers: Readonly<Record<string, readonly string[]>> = { engine: ["codec"] };

/** Packages that may be named, by whom, and only for their types: nothing is imported at run time. */
const typePackages: Readonly<Record<string, readonly string[]>> = { "@upstash/redis": ["upstash"] };

/** Optional peers, by the one file that is a door to each: whoever imports that file has installed them. */
const peers: Readonly<Record<string, string>> = { "@bokuweb/zstd-wasm": "engine/bokuweb.ts" };

/** What only a program may ask for. */
const runtimeGlobals: ReadonlySet<string> = new Set(["process", "Buffer", "Deno", "Bun", "navigator"]);

/** Where `any` is the honest type: the seam to a class that is not ours. */
const anyAllowed: ReadonlySet<string> = new Set<string>([]);

/** Generated files: their size is not ours to choose. */
const isGenerated = (path: string): boolean => /^adapters\/[^/]+\/inlined\.ts$/.test(path);

const MAX_LINES = 300;

interface Node {
  readonly type: string;
  readonly start: number;
  readonly [key: string]: unknown;
}

interface ImportEdge {
  readonly specifier: string | undefined;
  readonly typesOnly: boolean;
  readonly node: Node;
}

interface ParsedFile extends SourceFile {
  readonly unit: string;
  readonly layer: number | undefined;
  readonly nodes: readonly { readonly node: Node; readonly parent: Node | undefined; readonly key: string }[];
  readonly edges: readonly ImportEdge[];
}

type Report = (message: string, node?: Node) => void;
type Rule = (file: ParsedFile, report: Report) => void;

/** The folder below src/ that a file is in, or the file itself at the top. */
const unitOf = (path: string): string => path.split("/")[0]!;

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && typeof (value as Node).type === "string";
}

function collect(
  node: Node,
  parent: Node | undefined,
  key: string,
  into: ParsedFile["nodes"][number][],
): void {
  into.push({ node, parent, key });
  for (const [name, child] of Object.entries(node)) {
    for (const each of Array.isArray(child) ? child : [child])
      if (isNode(each)) collect(each, node, name, into);
  }
}

/** Every way to name another module: import, export from, import(), and import("…") in a type. */
function edgeOf(node: Node): ImportEdge | undefined {
  const source = node["source"];
  const value = isNode(source) ? source["value"] : undefined;
  const specifier = typeof value === "string" ? value : undefined;
  switch (node.type) {
    case "ImportDeclaration":
      return { specifier, typesOnly: node["importKind"] === "type", node };
    case "ExportAllDeclaration":
    case "ExportNamedDeclaration":
      return isNode(source) ? { specifier, typesOnly: node["exportKind"] === "type", node } : undefined;
    case "ImportExpression":
      return { specifier, typesOnly: false, node };
    case "TSImportType":
      return { specifier, typesOnly: true, node };
    default:
      return undefined;
  }
}

function parse(file: SourceFile): ParsedFile {
  const lang = file.path.endsWith(".d.ts") ? "dts" : "ts";
  const program = parseAst(file.text, { lang, astType: "ts" }) as unknown as Node;
  const nodes: ParsedFile["nodes"][number][] = [];
  collect(program, undefined, "", nodes);
  const unit = unitOf(file.path);
  const edges = nodes.map(({ node }) => edgeOf(node)).filter((edge) => edge !== undefined);
  return { ...file, unit, layer: layers[unit], nodes, edges };
}

/** Where a relative specifier leads, below src/; undefined when it leads out of it. */
function resolve(from: string, specifier: string): string | undefined {
  const parts = from.split("/").slice(0, -1);
  for (const part of specifier.split("/")) {
    if (part === "..") {
      if (parts.pop() === undefined) return undefined;
    } else if (part !== ".") parts.push(part);
  }
  return parts.join("/");
}

function checkEdge(file: ParsedFile, target: string, report: Report, node: Node): void {
  const targetLayer = layers[target];
  if (targetLayer === undefined) return report(`${target} is in no layer`, node);
  if (target === file.unit || file.layer === undefined) return;
  const allowed = importers[target];
  if (allowed !== undefined && !allowed.includes(file.unit)) {
    return report(`${target} is imported by ${allowed.join(", ")} alone`, node);
  }
  if (targetLayer < file.layer || siblings[file.unit]?.includes(target)) return;
  const where = targetLayer === file.layer ? "beside" : "above";
  report(
    `${file.unit} (layer ${file.layer}) imports ${target} (layer ${targetLayer}), which is ${where} it`,
    node,
  );
}

function checkRelative(file: ParsedFile, specifier: string, report: Report, node: Node): void {
  const isModule = /\.wasm(\?module)?$/.test(specifier);
  if (isModule && file.unit === "adapters") return;
  const target = resolve(file.path, specifier);
  if (isModule || target === undefined) return report(`${specifier} leads out of src/`, node);
  if (!target.endsWith(".ts")) return report(`${specifier} is written without its .ts`, node);
  checkEdge(file, unitOf(target), report, node);
}

function checkPackage(file: ParsedFile, { specifier, typesOnly, node }: ImportEdge, report: Report): void {
  const name = specifier ?? "";
  if (name.startsWith("#wasm/")) return checkEdge(file, "adapters", report, node);
  if (name.startsWith("node:")) {
    if (file.layer !== PROGRAMS) report(`${name} belongs to programs (dev/, cli/)`, node);
    return;
  }
  if (peers[name] === file.path) return;
  if (!typePackages[name]?.includes(file.unit))
    return report(`the package ${name} is not a dependency`, node);
  if (!typesOnly) report(`${name} is imported at run time: write import type`, node);
}

/** The rules, by name. */
export const rules: Readonly<Record<string, Rule>> = {
  "imports point down"(file, report) {
    if (file.layer === undefined) report(`${file.unit} is in no layer`);
    for (const edge of file.edges) {
      const { specifier, node } = edge;
      if (specifier === undefined) report("import() of a computed name hides where it leads", node);
      else if (specifier.startsWith(".")) checkRelative(file, specifier, report, node);
      else checkPackage(file, edge, report);
    }
  },

  "only programs know the runtime"(file, report) {
    if (file.layer === PROGRAMS) return;
    for (const { node, parent, key } of file.nodes) {
      const name =
        node.type === "Identifier" ? node["name"] : node.type === "Literal" ? node["value"] : undefined;
      if (typeof name !== "string" || !runtimeGlobals.has(name)) continue;
      if (asksForGlobal(node, parent, key)) report(`${name} is a runtime's own`, node);
    }
  },

  "no default exports"(file, report) {
    for (const { node, parent } of file.nodes) {
      // An ambient module of another file type has what its loader gives it.
      if (node.type === "ExportDefaultDeclaration" && parent?.type === "Program")
        report("export default", node);
      const exported = node.type === "ExportSpecifier" ? node["exported"] : undefined;
      if (isNode(exported) && (exported["name"] ?? exported["value"]) === "default")
        report("… as default", node);
    }
  },

  "no enums, no namespaces"(file, report) {
    for (const { node } of file.nodes) {
      if (node.type === "TSEnumDeclaration") report("enum", node);
      if (node.type === "TSModuleDeclaration" && !file.path.endsWith(".d.ts")) report("namespace", node);
    }
  },

  "no any"(file, report) {
    if (anyAllowed.has(file.path)) return;
    for (const { node } of file.nodes) if (node.type === "TSAnyKeyword") report("any", node);
  },

  "files stay readable"(file, report) {
    const lines = file.text.trimEnd().split("\n").length;
    if (lines > MAX_LINES && !isGenerated(file.path))
      report(`${lines} lines, at most ${MAX_LINES}: a noun is missing`);
  },
};

/** Whether a name stands for the global, and is not merely a property, key or string that is spelled like one. */
function asksForGlobal(node: Node, parent: Node | undefined, key: string): boolean {
  const computed = parent?.["computed"] === true;
  const isProperty = parent?.type === "MemberExpression" && key === "property";
  if (isProperty) {
    const object = parent["object"];
    const ofGlobal =
      isNode(object) && ["globalThis", "self", "window", "global"].includes(String(object["name"]));
    return ofGlobal || (computed && node.type === "Identifier");
  }
  if (node.type === "Literal") return parent?.type === "BinaryExpression" && parent["operator"] === "in";
  // In the shorthand { process } the same name is there as the value too.
  const isKey = key === "key" && !computed;
  const isQualified = parent?.type === "TSQualifiedName" && key === "right";
  return !isKey && !isQualified;
}

/** What a file breaks, in order of its lines. */
export function check(file: SourceFile): Finding[] {
  const parsed = parse(file);
  const findings: Finding[] = [];
  for (const [rule, run] of Object.entries(rules)) {
    run(parsed, (message, node) => {
      const line = node === undefined ? 1 : file.text.slice(0, node.start).split("\n").length;
      findings.push({ rule, path: file.path, line, message });
    });
  }
  return findings.sort((a, b) => a.line - b.line);
}
