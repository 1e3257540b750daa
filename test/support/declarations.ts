/** Reads what the subpaths of the package export, and finds the types that they mention and do not export. */
import { parseAst } from "vitest/node";

export interface Node {
  readonly type: string;
  /** Where it begins in the file's text. */
  readonly start: number;
  readonly [key: string]: unknown;
}

/** A declaration, by the file that has it and its name there. */
interface Place {
  readonly path: string;
  readonly name: string;
}

interface DeclarationFile {
  readonly text: string;
  /** The statements that declare a name, with their `export`: several for a function with overloads. */
  readonly statements: ReadonlyMap<string, readonly Node[]>;
  /** Declarations at the top, by name. */
  readonly declared: ReadonlyMap<string, Node>;
  /** Where an imported name comes from. */
  readonly imported: ReadonlyMap<string, Place>;
  /** Where an exported name comes from: another file, or this one under another name. */
  readonly exported: ReadonlyMap<string, Place>;
  /** Exported names that stand for types alone. */
  readonly types: ReadonlySet<string>;
  /** Files whose exports are all passed on, or their types alone. */
  readonly passedOn: readonly { readonly path: string; readonly isType: boolean }[];
}

export const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && typeof (value as Node).type === "string";

export const childrenOf = (node: Node): Node[] => Object.values(node).flat().filter(isNode);

export const nameOf = (node: unknown): string => {
  const { name, value } = node as { name?: string; value?: string };
  return name ?? value ?? "";
};

const DECLARATIONS = ".d.ts";

/** The path that a relative specifier leads to, from declarations to declarations; undefined for a package. */
function resolve(from: string, source: unknown): string | undefined {
  const specifier = String((source as Node)["value"]);
  if (!specifier.startsWith(".")) return undefined;
  const ending = from.endsWith(DECLARATIONS) ? DECLARATIONS : ".ts";
  return new URL(specifier.replace(/\.(d\.)?ts$/, ending), `file:///${from}`).pathname.slice(1);
}

const isType = (node: Node): boolean => node["exportKind"] === "type";

function parse(path: string, text: string): DeclarationFile {
  const lang = path.endsWith(DECLARATIONS) ? "dts" : "ts";
  const program = parseAst(text, { lang, astType: "ts" }) as unknown as { body: Node[] };
  const statements = new Map<string, Node[]>();
  const declared = new Map<string, Node>();
  const imported = new Map<string, Place>();
  const exported = new Map<string, Place>();
  const passedOn: { path: string; isType: boolean }[] = [];
  const types = new Set<string>();

  const declare = (node: Node, statement = node): string[] => {
    const declarations =
      node.type === "VariableDeclaration"
        ? (node["declarations"] as Node[])
        : isNode(node["id"])
          ? [node]
          : [];
    return declarations.map((declaration) => {
      const name = nameOf(declaration["id"]);
      declared.set(name, declaration);
      statements.set(name, [...(statements.get(name) ?? []), statement]);
      return name;
    });
  };
  for (const node of program.body) {
    const source = isNode(node["source"]) ? resolve(path, node["source"]) : undefined;
    if (node.type === "ImportDeclaration") {
      for (const specifier of node["specifiers"] as Node[]) {
        const name = isNode(specifier["imported"]) ? nameOf(specifier["imported"]) : "*";
        if (source !== undefined) imported.set(nameOf(specifier["local"]), { path: source, name });
      }
    } else if (node.type === "ExportAllDeclaration") {
      if (source !== undefined) passedOn.push({ path: source, isType: isType(node) });
    } else if (node.type === "ExportNamedDeclaration") {
      for (const name of isNode(node["declaration"]) ? declare(node["declaration"], node) : [])
        exported.set(name, { path, name });
      for (const specifier of node["specifiers"] as Node[]) {
        const place = { path: source ?? path, name: nameOf(specifier["local"]) };
        const name = nameOf(specifier["exported"]);
        if (source !== undefined || !isNode(node["source"])) exported.set(name, place);
        if (isType(node) || isType(specifier)) types.add(name);
      }
    } else declare(node);
  }
  return { text, declared, statements, imported, exported, types, passedOn };
}

/** The names that a declaration refers to as types or as values, but for its own type parameters. */
function referencesOf(declaration: Node): Set<string> {
  const names = new Set<string>();
  const parameters = new Set<string>();
  const leftmost = (node: Node): string =>
    node.type === "TSQualifiedName" ? leftmost(node["left"] as Node) : nameOf(node);
  const visit = (node: Node): void => {
    // What is private has no type in a declaration.
    if (node.type === "PrivateIdentifier") return;
    if (node.type === "TSTypeParameter") parameters.add(nameOf(node["name"]));
    const referred =
      node["typeName"] ??
      node["exprName"] ??
      (/Heritage|Implements/.test(node.type) ? node["expression"] : undefined);
    if (isNode(referred)) names.add(leftmost(referred));
    if (isNode(node["superClass"])) names.add(nameOf(node["superClass"]));
    childrenOf(node).forEach(visit);
  };
  visit(declaration);
  return new Set([...names].filter((name) => !parameters.has(name)));
}

/** What an entry exports, and where any name is declared. */
interface Exports {
  readonly places: readonly (Place & { readonly asType: boolean })[];
  readonly file: (path: string) => DeclarationFile;
  /** Where a name that a file uses is declared; undefined for globals and packages. */
  readonly declarationOf: (place: Place) => Place | undefined;
}

function readExports(entry: string, read: (path: string) => string): Exports {
  const files = new Map<string, DeclarationFile>();
  const file = (path: string): DeclarationFile => {
    const known = files.get(path) ?? parse(path, read(path));
    files.set(path, known);
    return known;
  };
  const declarationOf = ({ path, name }: Place): Place | undefined => {
    const { declared, imported, exported, passedOn } = file(path);
    if (declared.has(name)) return { path, name };
    const next = imported.get(name) ?? exported.get(name);
    if (next !== undefined && !(next.path === path && next.name === name)) return declarationOf(next);
    for (const other of passedOn) {
      const found = declarationOf({ path: other.path, name });
      if (found !== undefined) return found;
    }
    return undefined;
  };
  const exportsOf = (path: string, asTypes: boolean): { name: string; asType: boolean }[] => {
    const { exported, types, passedOn } = file(path);
    const own = [...exported.keys()].map((name) => ({ name, asType: asTypes || types.has(name) }));
    return [...own, ...passedOn.flatMap((other) => exportsOf(other.path, asTypes || other.isType))];
  };
  const places = exportsOf(entry, false).flatMap(({ name, asType }) => {
    const place = declarationOf({ path: entry, name });
    return place === undefined ? [] : [{ ...place, asType }];
  });
  return { places, file, declarationOf };
}

/** A public declaration: the statements that declare it, in a file's text. */
export interface Declared extends Place {
  readonly text: string;
  readonly statements: readonly Node[];
  /** True if it is exported as a type alone, so that nobody can call it. */
  readonly asType: boolean;
}

/** What `entry` exports, but for what comes from packages, each once. `read` gives the text of a file. */
export function exportedBy(entry: string, read: (path: string) => string): Declared[] {
  const { places, file } = readExports(entry, read);
  // What is exported as a value too comes last, and stays.
  const sorted = places.toSorted((one, other) => Number(other.asType) - Number(one.asType));
  const unique = new Map(sorted.map((place) => [`${place.path} ${place.name}`, place]));
  return [...unique.values()].map(({ path, name, asType }) => {
    const { text, statements } = file(path);
    return { path, name, asType, text, statements: statements.get(name)! };
  });
}

/**
 * What the exports of `entry` mention without exporting it, as "Mentioning → Mentioned". `read` gives the text of a
 * declaration file.
 */
export function missingExports(entry: string, read: (path: string) => string): string[] {
  const { places, file, declarationOf } = readExports(entry, read);
  const key = ({ path, name }: Place): string => `${path} ${name}`;
  const exported = new Set(places.map(key));
  return places.flatMap(({ path, name }) =>
    [...referencesOf(file(path).declared.get(name)!)].flatMap((reference) => {
      const place = declarationOf({ path, name: reference });
      return place === undefined || exported.has(key(place)) ? [] : [`${name} → ${reference}`];
    }),
  );
}
