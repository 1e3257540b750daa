/** Reads the docstrings of what a module exports: of each declaration, and of each of its members. */
import { childrenOf, isNode, nameOf, type Declared, type Node } from "./declarations.ts";

/** A public symbol, as its users write it: `readMode`, `Store.get`, `new Redis`. */
export interface PublicSymbol {
  readonly name: string;
  readonly path: string;
  readonly line: number;
  /** What it is: the type of its node of the syntax tree, without a wrapping `export`. */
  readonly type: string;
  /** The text of its doc comment without stars; undefined where it has none. */
  readonly comment: string | undefined;
  /** The docstrings of the members and the declaration that it lies in. */
  readonly outer: string;
  /** True for a member of a type that is written within the signature of another. */
  readonly isNested: boolean;
}

/** The doc comment that ends where a node begins. */
function commentBefore(text: string, start: number): string | undefined {
  const before = text.slice(0, start).trimEnd();
  const open = before.lastIndexOf("/**");
  if (!before.endsWith("*/") || open === -1 || before.indexOf("*/", open) !== before.length - 2)
    return undefined;
  return before
    .slice(open + 3, -2)
    .replaceAll(/^[ \t]*\* ?/gm, "")
    .trim();
}

const isHidden = ({ accessibility, key }: Node): boolean =>
  accessibility === "private" || (isNode(key) && key.type === "PrivateIdentifier");

const bodyOf = (node: Node): unknown => (isNode(node["value"]) ? node["value"]["body"] : node["body"]);

/** Without what only implements overloads: callers do not see it. */
function signaturesOf(nodes: readonly Node[]): Node[] {
  const key = (node: Node): string =>
    `${String(node["static"])} ${nameOf(node["key"] ?? node["id"] ?? {})} ${String(node["kind"])}`;
  const overloaded = new Set(nodes.filter((node) => !isNode(bodyOf(node))).map(key));
  const isMethod = (node: Node): boolean =>
    /^(TSAbstract|TSEmptyBody)?(MethodDefinition|Function|TSDeclareFunction|FunctionDeclaration)/.test(
      node.type,
    );
  return nodes.filter((node) => !(isMethod(node) && isNode(bodyOf(node)) && overloaded.has(key(node))));
}

const CONTAINERS = ["TSInterfaceBody", "ClassBody", "TSTypeLiteral"];

interface Member {
  readonly name: string;
  readonly node: Node;
  /** What it lies in: the declaration first. */
  readonly outer: readonly Node[];
}

/** `name`, or `[Symbol.asyncIterator]`. */
function keyOf({ key, computed }: Node): string {
  if (!isNode(key)) return "[index]";
  return computed === true && isNode(key["property"])
    ? `[${nameOf(key["object"])}.${nameOf(key["property"])}]`
    : nameOf(key);
}

/** The members that a node's types have, however deep, with the names of what they lie in. */
function membersOf(node: Node, outer: readonly Node[], owner: string): Member[] {
  if (CONTAINERS.includes(node.type)) {
    const members = ((node["body"] ?? node["members"]) as Node[]).filter((member) => !isHidden(member));
    return signaturesOf(members).flatMap((member) => {
      const name = member["kind"] === "constructor" ? `new ${owner}` : `${owner}.${keyOf(member)}`;
      return [{ name, node: member, outer }, ...membersOf(member, [...outer, member], name)];
    });
  }
  // What a conditional type compares with is nobody's interface, and neither is the code of a function.
  const unseen = [node["extendsType"], node["extends"]];
  return childrenOf(node)
    .filter((child) => child.type !== "BlockStatement" && !unseen.includes(child))
    .flatMap((child) => membersOf(child, outer, owner));
}

/** True if a docstring has a name in a code span, as `` `{ mtu }` `` has `mtu`. */
const mentions = (comment: string, name: string): boolean =>
  [...comment.matchAll(/`([^`]+)`/g)].some(([, code]) => new RegExp(`\\b${name}\\b`).test(code!));

/** The sentences of a docstring, before its first tag. */
const proseOf = (comment: string | undefined): string => (comment ?? "").split(/^@/m)[0]!.trim();

const ARTICLES = /\b(?:the|a|an|its|of|for|this)\b/g;
const lettersOf = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll(ARTICLES, "")
    .replaceAll(/[^a-z0-9]/g, "");

/**
 * What is wrong with the docstring of a public symbol; undefined for a good one. The members of a type that is written
 * within a signature may be named in the docstring of the signature instead.
 */
export function lackOf({ name, comment, outer, isNested }: PublicSymbol): string | undefined {
  const own = name.split(".").at(-1)!;
  const prose = proseOf(comment);
  if (prose === "") return isNested && mentions(outer, own) ? undefined : "has no docstring";
  return lettersOf(prose) === lettersOf(own) ? "says no more than its name" : undefined;
}

/** A declaration and its members, but for those that are internal. */
export function symbolsOf({ name, path, text, statements }: Declared): PublicSymbol[] {
  const declarations = statements.map((node) => (isNode(node["declaration"]) ? node["declaration"] : node));
  const starts = new Map(declarations.map((node, index) => [node, statements[index]!.start]));
  const startOf = (node: Node): number => starts.get(node) ?? node.start;
  const all = signaturesOf(declarations).flatMap((node): Member[] => [
    { name, node, outer: [] },
    ...membersOf(node, [node], name),
  ]);
  return all.flatMap((symbol) => {
    const start = startOf(symbol.node);
    const comment = commentBefore(text, start);
    if (comment?.includes("@internal")) return [];
    const line = text.slice(0, start).split("\n").length;
    const outer = symbol.outer.map((one) => commentBefore(text, startOf(one)) ?? "").join("\n");
    const isNested = symbol.outer.length > 0 && !/Interface|Class/.test(symbol.outer.at(-1)!.type);
    return [{ name: symbol.name, path, line, type: symbol.node.type, comment, outer, isNested }];
  });
}
