/** The public functions of each subpath and the options that they take, read from the types in the sources. */
import { isNode, parse, readSources, resolve, type Node } from "./import-graph.mjs";
import { read, root } from "./repository.ts";

/** A parameter that is an object of options, or an object in it. */
export interface Options {
  /** Names from the parameter down: none for the parameter itself, `["retry"]` for what lies in it. */
  readonly at: readonly string[];
  readonly names: readonly string[];
}

/** A function that a subpath exports, or a method of an object that one of its functions returns. */
export interface PublicFunction {
  /** `zstash/store createStore` or `zstash/store Store.put`. */
  readonly name: string;
  /** Empty for a function that takes none. */
  readonly options: readonly Options[];
}

interface Declaration {
  readonly path: string;
  readonly node: Node;
}

const files = new Map(readSources(`${root}src/`).map((file) => [file.path, file]));
/** Statements at the top of a file, without `export` before them. */
const statements = new Map<string, readonly Node[]>();
/** Every interface and type alias by its name; the public ones have names of their own. */
const types = new Map<string, Node>();

const nodesOf = (value: unknown): readonly Node[] => (Array.isArray(value) ? value.filter(isNode) : []);
const nodeOf = (value: unknown): Node | undefined => (isNode(value) ? value : undefined);
const nameOf = (value: unknown): string => String(nodeOf(value)?.["name"] ?? nodeOf(value)?.["value"]);

for (const { path, text } of files.values()) {
  const program = parse(path, text)[0]!.node;
  const body = nodesOf(program["body"]);
  statements.set(path, body);
  for (const statement of body) {
    const declared = nodeOf(statement["declaration"]) ?? statement;
    if (/^TS(Interface|TypeAlias)Declaration$/.test(declared.type))
      types.set(nameOf(declared["id"]), declared);
  }
}

/** What a module exports under a name, whichever file it lies in; undefined for types of other packages. */
function exported(path: string, name: string): Declaration | undefined {
  for (const statement of statements.get(path) ?? []) {
    const declared = nodeOf(statement["declaration"]);
    if (declared !== undefined) {
      const names = nodesOf(declared["declarations"]).map(({ id }) => nameOf(id));
      if (nameOf(declared["id"]) === name || names.includes(name)) return { path, node: declared };
    }
    const source = nodeOf(statement["source"])?.["value"];
    const specifier = nodesOf(statement["specifiers"]).find((one) => nameOf(one["exported"]) === name);
    if (specifier === undefined) continue;
    if (typeof source === "string") return exported(resolve(path, source)!, nameOf(specifier["local"]));
  }
  return undefined;
}

/** The type that a type stands for, without what is around it: a promise, a union with undefined. */
function referred(type: Node | undefined): string | undefined {
  if (type?.type !== "TSTypeReference") return undefined;
  const name = nameOf(type["typeName"]);
  const [argument] = nodesOf(nodeOf(type["typeArguments"])?.["params"]);
  return name === "Promise" ? referred(argument) : name;
}

type Members = ReadonlyMap<string, Node>;

/** The members of an object type, those it inherits too. */
function membersOf(type: Node | undefined): Members {
  if (type === undefined) return new Map();
  const merged = (parts: readonly (Node | undefined)[]): Members =>
    new Map(parts.flatMap((part) => [...membersOf(part)]));
  switch (type.type) {
    case "TSInterfaceDeclaration": {
      const own = nodesOf(nodeOf(type["body"])?.["body"]);
      return new Map([
        ...merged(nodesOf(type["extends"])),
        ...own.map((one) => [nameOf(one["key"]), one] as const),
      ]);
    }
    case "TSTypeLiteral":
      return new Map(nodesOf(type["members"]).map((one) => [nameOf(one["key"]), one]));
    case "TSTypeAliasDeclaration":
      return membersOf(nodeOf(type["typeAnnotation"]));
    case "TSUnionType":
    case "TSIntersectionType":
      return merged(nodesOf(type["types"]));
    case "TSTypeReference":
    case "TSInterfaceHeritage":
      return membersOfReference(type);
    default:
      return new Map();
  }
}

function membersOfReference(type: Node): Members {
  const name = nameOf(type["typeName"] ?? type["expression"]);
  const [first, second] = nodesOf(nodeOf(type["typeArguments"])?.["params"]);
  if (["Partial", "Required", "Readonly"].includes(name)) return membersOf(first);
  if (name !== "Pick" && name !== "Omit") return membersOf(types.get(name));
  const literals = second?.type === "TSUnionType" ? nodesOf(second["types"]) : nodesOf([second]);
  const names = literals.map(({ literal }) => nameOf(literal));
  return new Map([...membersOf(first)].filter(([member]) => names.includes(member) === (name === "Pick")));
}

const annotationOf = (node: Node | undefined): Node | undefined =>
  nodeOf(nodeOf(node?.["typeAnnotation"])?.["typeAnnotation"]);

/** The type of a parameter, with a default or without, as a name or as a pattern. */
const typeOfParameter = (parameter: Node): Node | undefined =>
  annotationOf(parameter.type === "AssignmentPattern" ? nodeOf(parameter["left"]) : parameter);

/** Whether a parameter is an object of options, by the name of its type or because it is written out. */
function isOptions(type: Node | undefined): boolean {
  if (type?.type === "TSTypeLiteral") return true;
  if (type?.type !== "TSTypeReference") return false;
  const name = nameOf(type["typeName"]);
  const [first] = nodesOf(nodeOf(type["typeArguments"])?.["params"]);
  return ["Partial", "Pick", "Omit", "Readonly"].includes(name)
    ? isOptions(first)
    : /(?:Options|Init)$/.test(name);
}

/** The object types that a member may have, where they are options: nothing in them has to be given, or they are one of several. */
function nestedOptions(type: Node | undefined): Members {
  if (type === undefined) return new Map();
  if (type.type === "TSUnionType") {
    return new Map(nodesOf(type["types"]).flatMap((one) => [...nestedOptions(one)]));
  }
  if (type.type === "TSTypeLiteral") return membersOf(type);
  const alias = type.type === "TSTypeReference" ? types.get(nameOf(type["typeName"])) : undefined;
  if (alias?.type === "TSTypeAliasDeclaration") return nestedOptions(nodeOf(alias["typeAnnotation"]));
  const members = membersOf(alias);
  const isWeak = [...members.values()].every(
    (one) => one.type === "TSPropertySignature" && one["optional"] === true,
  );
  return isWeak ? members : new Map();
}

function optionsIn(members: Members, at: readonly string[]): Options[] {
  if (members.size === 0) return [];
  const deeper = [...members].flatMap(([name, member]) =>
    optionsIn(nestedOptions(annotationOf(member)), [...at, name]),
  );
  return [{ at, names: [...members.keys()] }, ...deeper];
}

function optionsOf(parameters: readonly Node[]): Options[] {
  return parameters
    .map(typeOfParameter)
    .filter(isOptions)
    .flatMap((type) => optionsIn(membersOf(type), []));
}

/** The function that a declaration is: `function f`, or a constant whose type is that of a function. */
function signatureOf({ node }: Declaration, name: string): Node | undefined {
  if (node.type === "FunctionDeclaration") return node;
  const constant = nodesOf(node["declarations"]).find(({ id }) => nameOf(id) === name);
  const alias = types.get(referred(annotationOf(nodeOf(constant?.["id"]))) ?? "");
  return nodeOf(alias?.["typeAnnotation"]);
}

/** The public functions of a subpath that has these exports at run time. */
export function publicFunctions(subpath: string, entry: string, names: readonly string[]): PublicFunction[] {
  return names.flatMap((name) => {
    const declaration = exported(entry, name);
    if (declaration === undefined) throw new Error(`${entry} has no declaration of ${name}`);
    // The one class is ZstashError: what it is made of are details.
    if (declaration.node.type === "ClassDeclaration") return [];
    const signature = signatureOf(declaration, name);
    if (signature === undefined) return [];
    const own = { name: `${subpath} ${name}`, options: optionsOf(nodesOf(signature["params"])) };
    const returned = referred(nodeOf(nodeOf(signature["returnType"])?.["typeAnnotation"]));
    const isPublic = returned !== undefined && exported(entry, returned) !== undefined;
    return [own, ...(isPublic ? methodsOf(subpath, returned) : [])];
  });
}

function methodsOf(subpath: string, type: string): PublicFunction[] {
  return [...membersOf(types.get(type))].flatMap(([name, member]) =>
    member.type === "TSMethodSignature"
      ? [{ name: `${subpath} ${type}.${name}`, options: optionsOf(nodesOf(member["params"])) }]
      : [],
  );
}

/** The subpaths that are modules, and the source of each, as package.json and deno.json name them. */
export function subpaths(): ReadonlyMap<string, string> {
  const { exports } = JSON.parse(read("deno.json")) as { exports: Record<string, string> };
  return new Map(
    Object.entries(exports).map(([name, path]) => [
      name.replace(/^\./, "zstash"),
      path.replace("./src/", ""),
    ]),
  );
}
