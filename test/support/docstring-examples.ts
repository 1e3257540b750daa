/** The examples in the docstrings of what users call, as programs: they compile in one test and run in another. */
import { exportedBy, type Declared } from "./declarations.ts";
import { symbolsOf, type PublicSymbol } from "./docstrings.ts";
import { read } from "./repository.ts";

/** The source of each subpath. */
const { exports } = JSON.parse(read("deno.json")) as { exports: Readonly<Record<string, string>> };

/** Interfaces of which a user calls no method, with who does. */
const CALLED_BY_OTHERS: Readonly<Record<string, string>> = {
  ByteIterator: "web streams describe it",
  ByteReader: "web streams describe it",
  PortableByteStream: "web streams describe it",
  ReadableBytes: "web streams describe it",
  Engine: "the codec calls an engine",
  DecoderEngine: "the codec calls an engine",
  CompressionContext: "the codec calls an engine",
  DecompressionContext: "the codec calls an engine",
  DictionaryLookup: "the codec calls what it is given",
  RangeSource: "the codec calls what it is given",
  MiddlewareHost: "withCompression calls what it is given",
  RedisRequester: "a client calls what it is given",
  ServedStore: "serveKey calls what it is given",
  CodecStats: "metrics call what they are given",
  MeterLike: "metrics call what they are given",
  MeterObservable: "metrics call what they are given",
  MeterResult: "OpenTelemetry calls what it is given",
  PageCacheHandler: "Next.js calls it",
  UseCacheHandler: "Next.js calls it",
};

/** What the examples take for granted, and its type. The test that runs them makes a value of each. */
export const GIVEN = {
  url: "string",
  token: "string",
  site: "string",
  key: "string",
  report: "string",
  session: "string",
  records: "readonly object[]",
  env: "import('zstash/redis').RedisEnvironment",
  signal: "AbortSignal",
  request: "Request",
  blob: "Blob",
  frame: "Uint8Array<ArrayBuffer>",
  file: "Uint8Array<ArrayBuffer>",
  source: "import('zstash').RangeSource",
  table: "import('zstash').SeekTable",
  zstd: "import('zstash').Zstd",
  store: "import('zstash/store').Store",
  redis: "import('zstash/redis').Redis",
  client: "{ set(key: string, value: string): Promise<unknown>; get(key: string): Promise<string | null> }",
  requester: "{ request: import('zstash/upstash').SendRequest }",
  compression: "import('zstash/upstash').KeyvCompression",
  manager: "import('zstash/dictionaries').DictionaryManager",
  metrics: "import('zstash/metrics').Metrics",
  server: "import('zstash/dev').DevServer",
  readFile: "(name: string) => Promise<Uint8Array<ArrayBuffer>>",
  writeFile: "(name: string, bytes: Uint8Array) => Promise<void>",
} as const satisfies Readonly<Record<string, string>>;

export type GivenName = keyof typeof GIVEN;

export interface Example {
  /** What it is an example of, as in "Store.get". */
  readonly name: string;
  readonly path: string;
  /** The specifier of the subpath that has it. */
  readonly specifier: string;
  readonly code: string;
}

/** The code of the examples in a docstring. */
export const codeIn = (comment: string): string[] =>
  [...comment.matchAll(/@example\n```ts\n([^]*?)\n```/g)].map(([, code]) => code!);

const isValue = ({ type }: PublicSymbol): boolean =>
  /^(FunctionDeclaration|TSDeclareFunction|ClassDeclaration|VariableDeclaration)$/.test(type);
const isMethod = ({ type, name }: PublicSymbol): boolean =>
  /^(MethodDefinition|TSMethodSignature)$/.test(type) && !name.startsWith("new ");

/** A function, a class, or a method that users call. */
function isCalled(symbol: PublicSymbol): boolean {
  if (isValue(symbol)) return !/^[A-Z_]+$/.test(symbol.name);
  const [owner = "", ...names] = symbol.name.split(".");
  return isMethod(symbol) && names.length === 1 && !(owner in CALLED_BY_OTHERS);
}

const declared: readonly (Declared & { readonly specifier: string })[] = Object.entries(exports).flatMap(
  ([subpath, path]) =>
    exportedBy(path.replace("./", ""), read).map((one) => ({
      ...one,
      specifier: `zstash${subpath.slice(1)}`,
    })),
);

/** The first subpath that has a value, by the value's name. */
const specifiers = new Map<string, string>();
const called = new Map<string, PublicSymbol & { readonly specifier: string }>();
for (const declaration of declared) {
  for (const symbol of symbolsOf(declaration)) {
    const { specifier } = declaration;
    if (isValue(symbol) && declaration.asType) continue;
    if (isValue(symbol) && !specifiers.has(symbol.name)) specifiers.set(symbol.name, specifier);
    const place = `${symbol.path}:${symbol.line}`;
    if (isCalled(symbol) && !called.has(place)) called.set(place, { ...symbol, specifier });
  }
}

/** What users call, but for what has an example. */
export const withoutExample = (): string[] =>
  [...called.values()].filter(({ comment }) => codeIn(comment ?? "").length === 0).map(({ name }) => name);

export const examples: readonly Example[] = [...called.values()].flatMap(
  ({ name, path, specifier, comment }) =>
    codeIn(comment ?? "").map((code) => ({ name, path, specifier, code })),
);

/** True if code declares or imports a name. */
const declares = (code: string, name: string): boolean =>
  new RegExp(`\\b(?:const|let|import)\\s+(?:[{[][^}\\]=]*\\b)?${name}\\b`).test(code);

const uses = (code: string, name: string): boolean => new RegExp(`(?<![.\\w"'])${name}\\b`).test(code);

/** What code takes for granted. */
export const givenIn = (code: string): GivenName[] =>
  (Object.keys(GIVEN) as GivenName[]).filter((name) => uses(code, name) && !declares(code, name));

/** The values of the package that code uses without importing them, each with its subpath. */
export const unimportedIn = (code: string): [name: string, specifier: string][] =>
  [...specifiers].filter(([name]) => uses(code, name) && !declares(code, name));

/** The example as a module of its own. */
export function asModule(code: string): string {
  const imports = unimportedIn(code).map(([name, specifier]) => `import { ${name} } from "${specifier}";`);
  const given = givenIn(code).map((name) => `declare const ${name}: ${GIVEN[name]};`);
  return [...imports, ...given, code, "export {};", ""].join("\n");
}
