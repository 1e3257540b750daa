/** The rules that the sources keep, as tables and as functions from a file's text to what breaks them. */
import {
  circlesOf,
  importGraph,
  importsOf,
  isNode,
  layers,
  parse as parseNodes,
  PROGRAMS,
  resolve,
  unitOf,
  type Import,
  type Node,
  type Placed,
  type SourceFile,
} from "./import-graph.mjs";

export interface Finding {
  readonly rule: string;
  readonly path: string;
  readonly line: number;
  readonly message: string;
}

/** The two edges within a layer that are meant: `zstash/redis` stands on the wrapper, and `zstash dev` is a command. */
const beside: Readonly<Record<string, readonly string[]>> = { "redis.ts": ["upstash"], cli: ["dev"] };

/** What only these may import, whatever the layer. */
const importers: Readonly<Record<string, readonly string[]>> = {
  engine: ["codec", "train"],
  "index.ts": [],
  "decode.ts": [],
  "redis.ts": [],
};

/** Optional peers, by the one file that may import each at run time, and the folders that may name its types. */
const peers: Readonly<Record<string, { readonly door: string; readonly types: readonly string[] }>> = {
  "@bokuweb/zstd-wasm": { door: "engine/bokuweb.ts", types: [] },
  "@upstash/redis": { door: "redis.ts", types: ["upstash"] },
  // The entry of @upstash/redis that package.json chooses for `zstash/redis`.
  "#sdk": { door: "redis.ts", types: [] },
};

/** Packages that the build bundles, so that users install none, by the one file that may import each. */
const bundled: Readonly<Record<string, string>> = { commander: "cli/parser.ts" };

/** What only a program may ask for. */
const runtimeGlobals: ReadonlySet<string> = new Set(["process", "Buffer", "Deno", "Bun", "navigator"]);

/** The one file that looks up the variables of a process, where there is one: `@upstash/redis` does, so `zstash/redis` must. */
const ENVIRONMENT = "adapters/environment.ts";

/** The folder of a lazy half: what is in it is loaded on demand, as one piece. */
const LAZY = "on-demand";

/** A comment at the top that belongs to the file: an empty line or the imports come after it. */
const OPENING = /^(?:#!.*\n)?(?:\/\*[^]*?\*\/|\/\/.*(?:\n\/\/.*)*)\n(?=\n|$|import\b|export (?:type )?[*{])/;

const MAX_LINES = 300;
const MAX_PARAMETERS = 5;
const MIN_WORDS = 5;

/** Generated files: neither their size nor their words are ours to choose. */
const isGenerated = (path: string): boolean => /^(?:adapters\/[^/]+|dev\/page)\/inlined\.ts$/.test(path);

interface ParsedFile extends SourceFile {
  readonly unit: string;
  readonly layer: number | undefined;
  readonly nodes: readonly Placed[];
  readonly imports: readonly Import[];
}

type Report = (message: string, node?: Node) => void;
type Rule = (file: ParsedFile, report: Report) => void;

function parse(file: SourceFile): ParsedFile {
  const nodes = parseNodes(file.path, file.text);
  const unit = unitOf(file.path);
  return { ...file, unit, layer: layers[unit], nodes, imports: importsOf(nodes) };
}

/** Whoever takes a codec as an option exports the types of one with `export type * from "../index.ts"`. */
const exportsTypesOfRoot = ({ layer = 0 }: ParsedFile, { specifier, kind, node }: Import): boolean =>
  layer > layers["index.ts"]! &&
  specifier === "../index.ts" &&
  kind === "type" &&
  node.type === "ExportAllDeclaration";

function checkUnit(file: ParsedFile, target: string, report: Report, node: Node): void {
  const targetLayer = layers[target];
  if (targetLayer === undefined) return report(`${target} is in no layer`, node);
  if (target === file.unit || file.layer === undefined) return;
  const allowed = importers[target];
  if (allowed !== undefined && !allowed.includes(file.unit)) {
    return report(`${target} is imported by ${allowed.join(", ") || "nobody"} alone`, node);
  }
  // The files of the ground floor are one folder.
  const isGround = targetLayer === 0 && file.layer === 0;
  if (targetLayer < file.layer || isGround || beside[file.unit]?.includes(target)) return;
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
  checkUnit(file, unitOf(target), report, node);
}

function checkPackage(file: ParsedFile, { specifier = "", kind, node }: Import, report: Report): void {
  if (/^#(?:wasm\/|(?:host|http|text|channels)$)/.test(specifier))
    return checkUnit(file, "adapters", report, node);
  if (specifier.startsWith("node:")) {
    // An adapter for Node is chosen by a condition and is called so.
    const isAdapter = file.unit === "adapters" && file.path.endsWith("/node.ts");
    if (file.layer !== PROGRAMS && !isAdapter)
      report(`${specifier} belongs to programs (dev/, cli/) and to adapters called node.ts`, node);
    return;
  }
  const door = bundled[specifier];
  if (door !== undefined) {
    if (file.path !== door) report(`${specifier} is imported by ${door} alone`, node);
    return;
  }
  const name = Object.keys(peers).find((peer) => specifier === peer || specifier.startsWith(`${peer}/`));
  const peer = name === undefined ? undefined : peers[name];
  if (peer === undefined) return report(`the package ${specifier} is not a dependency`, node);
  if (file.path === peer.door) return;
  if (kind !== "type") return report(`${specifier} is imported at run time by ${peer.door} alone`, node);
  if (!peer.types.includes(file.unit)) report(`the types of ${specifier} are not for ${file.unit}`, node);
}

/** The lazy half that a path lies in, as a path with a slash at its end. */
function lazyHalfOf(path: string): string | undefined {
  const parts = path.split("/");
  const at = parts.indexOf(LAZY);
  return at < 0 || at === parts.length - 1 ? undefined : `${parts.slice(0, at + 1).join("/")}/`;
}

/** The rules, by name. */
export const rules: Readonly<Record<string, Rule>> = {
  "imports point down"(file, report) {
    if (file.layer === undefined) report(`${file.unit} is in no layer`);
    for (const each of file.imports) {
      const { specifier, node } = each;
      if (specifier === undefined) report("import() of a computed name hides where it leads", node);
      else if (exportsTypesOfRoot(file, each)) continue;
      else if (specifier.startsWith(".")) checkRelative(file, specifier, report, node);
      else checkPackage(file, each, report);
    }
  },

  "a lazy half has one door"(file, report) {
    const own = lazyHalfOf(file.path);
    for (const { specifier = "", kind, node } of file.imports) {
      const target = specifier.startsWith(".") ? resolve(file.path, specifier) : undefined;
      const half = target === undefined ? undefined : lazyHalfOf(target);
      if (half !== undefined && half !== own) {
        // import("./on-demand/index.ts"), and the type of what it gives.
        const isDoor = specifier === `./${LAZY}/index.ts` && target === `${half}index.ts`;
        const isImport = node.type === "ImportExpression" || node.type === "TSImportType";
        if (!isDoor || !isImport)
          report(`${half} is entered by its siblings, by import("./${LAZY}/index.ts")`, node);
      } else if (kind === "dynamic" && file.layer !== PROGRAMS) {
        report(`what is loaded on demand lies in ${LAZY}/ behind its index.ts`, node);
      }
    }
  },

  "every file says what it is for"(file, report) {
    if (isGenerated(file.path)) return;
    const fault = openingFault(file.text);
    if (fault !== undefined) report(fault);
  },

  "at most five parameters"(file, report) {
    for (const { node } of file.nodes) {
      const parameters = node["params"];
      // The type parameters of a function and of a type have the same name for their list.
      if (!Array.isArray(parameters) || !/Function|Method|Construct|CallSignature/.test(node.type)) continue;
      const own = parameters.filter((one: Node) => one["name"] !== "this");
      if (own.length > MAX_PARAMETERS) report(`${own.length} parameters: a record is missing`, node);
    }
  },

  "what is undefined is not left out by hand"(file, report) {
    for (const { node } of file.nodes) {
      if (node.type !== "ConditionalExpression" || !asksForUndefined(node["test"])) continue;
      const branches = [node["consequent"], node["alternate"]].map(memberCount);
      if (branches.includes(0) && branches.every((count) => count !== undefined))
        report("x === undefined ? {} : { x }: declare `x?: T | undefined` and pass it", node);
    }
  },

  "only programs know the runtime"(file, report) {
    if (file.layer === PROGRAMS || file.path === ENVIRONMENT) return;
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

/** What is wrong with the comment that opens a file. */
export function openingFault(text: string): string | undefined {
  const [opening] = OPENING.exec(text) ?? [];
  if (opening === undefined) return "no comment opens the file, or it is the first declaration's own";
  const words = opening.match(/\p{L}+/gu) ?? [];
  return words.length < MIN_WORDS ? "the opening comment says nothing" : undefined;
}

/** Whether a condition compares with undefined. */
function asksForUndefined(test: unknown): boolean {
  if (!isNode(test) || test.type !== "BinaryExpression") return false;
  return [test["left"], test["right"]].some((side) => isNode(side) && side["name"] === "undefined");
}

/** How many members an object literal has; undefined for anything else. */
function memberCount(value: unknown): number | undefined {
  if (!isNode(value) || value.type !== "ObjectExpression") return undefined;
  return (value["properties"] as readonly Node[]).length;
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

/** The circles that the imports of these files make, each in a line: its files, and a shortest way around. */
export function circles(files: readonly SourceFile[]): string[] {
  return circlesOf(importGraph(files)).map(
    ({ files: group, way }) => `${group.length} files: ${group.join(", ")}; ${way.join(" → ")}`,
  );
}
