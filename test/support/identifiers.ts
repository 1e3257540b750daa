/** The names that a source file gives to things, for the test of names that are no longer used. */
import { isNode, parse, type Node, type Placed, type SourceFile } from "./import-graph.mjs";

/**
 * - "file": the file itself, by its path below src/.
 * - "module": declared at the top of a file, imported or exported there.
 * - "local": a parameter, a variable or a function further in.
 * - "member": of a class, an interface or an object type, as `Owner.name`; private ones without their #.
 * - "string": a text of one word, such as the type of an event, the name of an option, an error's code.
 * - "access": `object.property`, where the object is a name.
 */
export type IdentifierKind = "file" | "module" | "local" | "member" | "string" | "access";

export interface Identifier {
  readonly kind: IdentifierKind;
  readonly name: string;
  /** "number" or "function", where it is declared to be that. */
  readonly type: string | undefined;
  readonly path: string;
  readonly line: number;
}

type Places = ReadonlyMap<Node, Placed>;

/** Every name that the file declares, imports or exports, and its texts of one word. */
export function identifiersOf({ path, text }: SourceFile): Identifier[] {
  const found: Identifier[] = [{ kind: "file", name: path, type: undefined, path, line: 1 }];
  const places: Places = new Map(parse(path, text).map((each) => [each.node, each]));
  for (const place of places.values()) {
    const { node } = place;
    const identified = identify(place, places);
    if (identified === undefined) continue;
    const line = text.slice(0, node.start).split("\n").length;
    found.push({ ...identified, type: typeOf(node), path, line });
  }
  return found;
}

function identify(place: Placed, places: Places): Pick<Identifier, "kind" | "name"> | undefined {
  const { node } = place;
  if (node.type === "Literal") {
    const { value } = node;
    return typeof value === "string" && /^\S{1,60}$/.test(value)
      ? { kind: "string", name: value }
      : undefined;
  }
  if (node.type === "MemberExpression") {
    const [object, property] = [lastName(node["object"]), nameOf(node["property"])];
    if (object === undefined || property === undefined) return undefined;
    return { kind: "access", name: `${object}.${property}` };
  }
  if (memberTypes.has(node.type)) {
    return { kind: "member", name: `${ownerOf(place, places)}.${nameOf(node["key"]) ?? "?"}` };
  }
  const name = nameOf(node);
  if (name === undefined || !isBinding(place, places)) return undefined;
  return { kind: isTop(place, places) ? "module" : "local", name };
}

const memberTypes: ReadonlySet<string> = new Set([
  "PropertyDefinition",
  "MethodDefinition",
  "TSPropertySignature",
  "TSMethodSignature",
]);

/** Under which member of which node an identifier is given a name, and not used. */
const bindingPlaces: Readonly<Record<string, readonly string[]>> = {
  VariableDeclarator: ["id"],
  FunctionDeclaration: ["id", "params"],
  FunctionExpression: ["id", "params"],
  ArrowFunctionExpression: ["params"],
  TSDeclareFunction: ["id", "params"],
  TSFunctionType: ["params"],
  TSMethodSignature: ["params"],
  ClassDeclaration: ["id"],
  ClassExpression: ["id"],
  TSInterfaceDeclaration: ["id"],
  TSTypeAliasDeclaration: ["id"],
  ImportSpecifier: ["local"],
  ImportNamespaceSpecifier: ["local"],
  ExportSpecifier: ["exported"],
  RestElement: ["argument"],
  AssignmentPattern: ["left"],
  ArrayPattern: ["elements"],
  CatchClause: ["param"],
};

function isBinding({ node, parent, key }: Placed, places: Places): boolean {
  if (node.type !== "Identifier" || parent === undefined) return false;
  // The members of a pattern and of an object literal are of one type.
  if (parent.type === "Property")
    return key === "value" && places.get(parent)?.parent?.type === "ObjectPattern";
  return bindingPlaces[parent.type]?.includes(key) === true;
}

/** Whether the name is seen by the whole file. */
function isTop({ parent, key }: Placed, places: Places): boolean {
  // A function's own name is where the function is.
  let node = key === "id" ? places.get(parent!)?.parent : parent;
  for (; node !== undefined; node = places.get(node)?.parent) {
    if (/Function|TSMethodSignature|ClassBody|BlockStatement/.test(node.type)) return false;
  }
  return true;
}

/** The class, interface, type or variable that a member belongs to. */
function ownerOf(place: Placed, places: Places): string {
  for (let node = place.parent; node !== undefined; node = places.get(node)?.parent) {
    const name = /^(Class|TSInterface|TSTypeAlias|Variable)/.test(node.type) ? nameOf(node["id"]) : undefined;
    if (name !== undefined) return name;
  }
  return "?";
}

function nameOf(node: unknown): string | undefined {
  if (!isNode(node)) return undefined;
  const { name, value } = node;
  return typeof name === "string" ? name : typeof value === "string" ? value : undefined;
}

/** The last name of an expression such as `this.#sync` or `options`. */
function lastName(node: unknown): string | undefined {
  if (!isNode(node)) return undefined;
  return node.type === "MemberExpression" ? nameOf(node["property"]) : nameOf(node);
}

/** "number" or "function" where the declaration says so, whether it may be undefined or not. */
function typeOf(node: Node): string | undefined {
  const { typeAnnotation } = node;
  const written = isNode(typeAnnotation) ? typeAnnotation["typeAnnotation"] : undefined;
  const types = isNode(written) && written.type === "TSUnionType" ? (written["types"] as Node[]) : [written];
  const known = types.map((type) => {
    if (!isNode(type)) return undefined;
    if (type.type === "TSNumberKeyword") return "number";
    return type.type === "TSFunctionType" ? "function" : undefined;
  });
  return known.find((type) => type !== undefined);
}
