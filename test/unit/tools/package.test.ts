/** What package.json, deno.json and the lock files say, what is published, and what the repository does not speak of. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { read, root, tracked } from "../../support/repository.ts";

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly type?: string;
  readonly exports: Readonly<Record<string, string | Conditions>>;
  readonly imports: Readonly<Record<string, string | Readonly<Record<string, string | Conditions>>>>;
  readonly bin: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { optional?: boolean }>>;
  readonly [field: string]: unknown;
}

/** The files of a subpath by condition. */
type Conditions = Readonly<Record<string, string>>;

interface LockedPackage {
  readonly version?: string;
  readonly integrity?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

interface Lock {
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

/** Only types may differ for CommonJS: the modules are ESM for both. */
const commonJsTypes: Readonly<Record<string, string>> = { "./redis": "./dist/types/redis.d.cts" };

const written = JSON.parse(read("package.json")) as Manifest;
/** What package.json says, without the types for CommonJS. */
const manifest: Manifest = {
  ...written,
  exports: Object.fromEntries(
    Object.entries(written.exports).map(([subpath, target]) => {
      if (typeof target === "string") return [subpath, target];
      const { require: _, ...others } = target;
      return [subpath, others];
    }),
  ),
};
const sdkVersions = JSON.parse(read("test/sdk-versions/package.json")) as Manifest;
const runtimes = JSON.parse(read("test/runtimes/package.json")) as Manifest;
const libraries = JSON.parse(read("test/libraries/package.json")) as Manifest;
const deno = JSON.parse(read("deno.json")) as {
  version: string;
  exports: Record<string, string>;
  imports: Record<string, string>;
};

/** What is left of a path when the folder and the endings of sources and of what is built from them are taken off. */
const stemOf = (path: string): string => path.replace(/^\.\/(src|dist)\//, "").replace(/\.(ts|js)$/, "");

const stemsOf = (paths: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(paths).map(([name, path]) => [name, stemOf(path)]));

describe("package.json", () => {
  test("has no dependencies, and none that is not optional beside it", () => {
    for (const field of [
      "dependencies",
      "optionalDependencies",
      "bundleDependencies",
      "bundledDependencies",
    ]) {
      expect(manifest[field], field).toBeUndefined();
    }
    for (const name of Object.keys(manifest.peerDependencies ?? {})) {
      expect(manifest.peerDependenciesMeta?.[name]?.optional, name).toBe(true);
    }
  });

  test("names exact versions", () => {
    for (const [name, version] of Object.entries(manifest.devDependencies)) {
      expect(version, name).toMatch(/^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/);
    }
    for (const [name, version] of Object.entries({
      ...runtimes.devDependencies,
      ...sdkVersions.devDependencies,
      ...libraries.devDependencies,
    })) {
      expect(version, name).toMatch(/^(npm:[@a-z0-9/-]+@)?\d+\.\d+\.\d+(-rc\.\d+)?$/);
    }
  });

  test.each(["@bokuweb/zstd-wasm", "@upstash/redis", "esbuild", "vitest", "@vitest/browser"])(
    "names %s",
    (name) => {
      expect(manifest.devDependencies).toHaveProperty([name]);
    },
  );

  test("has other types for CommonJS where they stand on those of another package", () => {
    const found = Object.entries(written.exports).flatMap(([subpath, target]) =>
      typeof target === "object" && "require" in target ? [[subpath, target["require"]]] : [],
    );
    expect(found).toEqual(Object.entries(commonJsTypes).map(([subpath, types]) => [subpath, { types }]));
  });

  test("has the version that zstash/redis tells", () => {
    expect(read("src/redis.ts")).toContain(`"zstash@${manifest.version}"`);
  });

  test("is ESM alone", () => {
    expect(manifest.type).toBe("module");
    expect(JSON.stringify([manifest.exports, manifest.imports, manifest["main"] ?? ""])).not.toMatch(
      /require|\.cjs/,
    );
  });

  test("gives types before anything else, for every module", () => {
    for (const [subpath, target] of Object.entries(manifest.exports)) {
      if (typeof target === "string") expect(target, subpath).toMatch(/\.(wasm|json)$/);
      else
        expect([Object.keys(target)[0], Object.keys(target).at(-1)], subpath).toEqual(["types", "default"]);
    }
  });

  test("gives the same types to resolution that reads no exports", () => {
    const types = Object.entries(manifest.exports).flatMap(([subpath, target]) =>
      typeof target === "string" ? [] : [[subpath.replace(/^\.\/?/, ""), target["types"]!] as const],
    );
    const { "": main, ...others } = Object.fromEntries(types);
    expect(manifest["types"]).toBe(main);
    const versions = Object.entries(others).map(([subpath, path]) => [subpath, [path]] as const);
    expect(manifest["typesVersions"]).toEqual({ "*": Object.fromEntries(versions) });
    expect(manifest["main"]).toBe((manifest.exports["."] as Record<string, string>)["default"]);
  });

  test("runs no script of its own where the package is installed; one from git is built, once", () => {
    const scripts = manifest["scripts"] as Readonly<Record<string, string>>;
    expect(Object.keys(scripts).filter((name) => /^(pre|post)?(install|prepare)$/.test(name))).toEqual([
      "prepare",
    ]);
    // npm runs it in a clone, for a git dependency and before it packs, never for a package of a registry. Of a tarball npm
    // 11 says that it has one; what runs it there finds nothing to build.
    const folder = mkdtempSync(join(tmpdir(), "zstash-prepare-"));
    const prepare = () => spawnSync(scripts["prepare"]!, { cwd: folder, shell: true, encoding: "utf8" });
    try {
      expect(prepare()).toMatchObject({ status: 0, stdout: "", stderr: "" });
      writeFileSync(join(folder, "build.mjs"), "console.log(process.argv.at(-1))");
      expect(prepare()).toMatchObject({ status: 0, stdout: "--if-missing\n" });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("deno.json", () => {
  test("has the version of package.json", () => expect(deno.version).toBe(manifest.version));

  test("exports the sources of what package.json exports", () => {
    const built = Object.entries(manifest.exports).flatMap(([subpath, target]) =>
      typeof target === "string" || subpath.endsWith(".wasm")
        ? []
        : [[subpath, stemOf(target["default"]!)] as const],
    );
    expect(stemsOf(deno.exports)).toEqual(Object.fromEntries(built));
    for (const path of Object.values(deno.exports)) expect(existsSync(`${root}${path}`), path).toBe(true);
  });

  test("maps the package's own imports to what they are by default, but for the host, and the peers to their range", () => {
    const built = Object.entries(manifest.imports).map(([name, target]) =>
      typeof target === "string"
        ? ([
            name,
            target.replace(/^(@[^/]+\/[^/]+)/, (peer) => `npm:${peer}@${manifest.peerDependencies![peer]}`),
          ] as const)
        : ([name, stemOf(target[name === "#host" ? "deno" : "default"] as string)] as const),
    );
    const peers = Object.entries(manifest.peerDependencies ?? {});
    expect(stemsOf(deno.imports)).toEqual({
      ...Object.fromEntries(built),
      ...Object.fromEntries(peers.map(([name, range]) => [name, `npm:${name}@${range}`])),
    });
  });
});

describe("the lock files", () => {
  const nextVersions = ["14", "15", "16"] as const;
  const locks = [
    "package-lock.json",
    "test/runtimes/package-lock.json",
    "test/sdk-versions/package-lock.json",
    "test/libraries/package-lock.json",
    "test/readers/programs/package-lock.json",
    ...nextVersions.map((version) => `test/next/${version}/package-lock.json`),
  ];

  test.each(locks)("%s says what, never where from", (path) => {
    expect(read(path)).not.toContain('"resolved"');
    const { packages } = JSON.parse(read(path)) as Lock;
    const unproven = Object.entries(packages).filter(([at, { integrity }]) => at !== "" && !integrity);
    expect(unproven.map(([at]) => at)).toEqual([]);
  });

  // npm leaves out what its registry had not, without a word, and then refuses the lock file on the next npm ci.
  test.each(locks)("%s locks a package for every platform", (path) => {
    const { packages } = JSON.parse(read(path)) as Lock;
    // A package finds its dependencies in its own node_modules or in one further out, and in their exact version.
    const found = (from: string, name: string, version: string): boolean =>
      from
        .split("/node_modules/")
        .map((_, depth, parts) => parts.slice(0, parts.length - depth).join("/node_modules/"))
        .concat("")
        .some((folder) => {
          const at = folder === "" ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
          const { version: locked } = packages[at] ?? {};
          return locked !== undefined && (locked === version || !/^\d/.test(version));
        });
    const missing = Object.entries(packages).flatMap(([at, { optionalDependencies = {} }]) =>
      Object.entries(optionalDependencies).flatMap(([name, version]) =>
        found(at, name, version) ? [] : [`${at}: ${name}@${version}`],
      ),
    );
    expect(missing).toEqual([]);
  });

  test("agree with their manifests", () => {
    const lockedBy = (path: string): unknown =>
      (JSON.parse(read(path)) as Lock).packages[""]?.devDependencies;
    expect(lockedBy(locks[0]!)).toEqual(manifest.devDependencies);
    expect(lockedBy(locks[1]!)).toEqual(runtimes.devDependencies);
    expect(lockedBy(locks[2]!)).toEqual(sdkVersions.devDependencies);
    expect(lockedBy(locks[3]!)).toEqual(libraries.devDependencies);
    for (const version of nextVersions) {
      const folder = `test/next/${version}`;
      const { dependencies } = JSON.parse(read(`${folder}/package.json`)) as Manifest;
      const { packages } = JSON.parse(read(`${folder}/package-lock.json`)) as Lock;
      expect(packages[""]?.dependencies, folder).toEqual(dependencies);
    }
  });
});

describe("what is published", () => {
  // npm's progress and notices go to stderr; the list is made from what is built.
  const pack = (): string[] => {
    const output = execFileSync(
      "npm",
      ["pack", "--dry-run", "--json", "--ignore-scripts", "--loglevel=error"],
      {
        cwd: root,
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      },
    );
    const report = JSON.parse(output) as Record<string, unknown>;
    // A list of packages or an object by name, depending on npm's version.
    const [packed] = (Array.isArray(report) ? report : Object.values(report)) as {
      files: { path: string }[];
    }[];
    return packed!.files.map(({ path }) => path).sort();
  };
  const files = pack();

  test("is built", () => {
    expect(
      files.filter((path) => path.startsWith("dist/")).length,
      "node build.mjs makes dist/",
    ).toBeGreaterThan(0);
  });

  test("holds the licences and what a reader needs", () => {
    for (const path of [
      "package.json",
      "README.md",
      "SECURITY.md",
      "CHANGELOG.md",
      "LICENSE",
      "THIRD-PARTY-NOTICES",
    ]) {
      expect(files).toContain(path);
    }
  });

  test("holds every file that README leads to", () => {
    const links = [...read("README.md").matchAll(/(?:\]\(|(?:src|srcset)=")([^)"#\s]+)/g)].map(
      (match) => match[1]!,
    );
    const own = links.filter((link) => !/^[a-z]+:/.test(link));
    expect(own.length).toBeGreaterThan(20);
    const missing = own.filter((link) => !files.some((path) => path === link || path.startsWith(`${link}/`)));
    expect(missing).toEqual([]);
  });

  test("holds nothing else but what is built", () => {
    const meant =
      /^(@upstash\/redis\/node\.js|dist\/.+\.(js|d\.ts|wasm)|dist\/types\/redis\.d\.cts|docs\/.+\.(md|svg)|package\.json|(README|CHANGELOG|CONTRIBUTING|SECURITY)\.md|LICENSE|THIRD-PARTY-NOTICES)$/;
    const examples = tracked().filter((path) => path.startsWith("examples/"));
    expect(files.filter((path) => !meant.test(path) && !examples.includes(path))).toEqual([]);
  });

  test("holds every file that package.json names", () => {
    const targets = Object.values({ ...manifest.exports, ...manifest.imports, ...manifest.bin }).flatMap(
      (target) =>
        (typeof target === "string" ? [target] : Object.values(target)).flatMap((one) =>
          typeof one === "string" ? [one] : Object.values(one),
        ),
    );
    targets.push(...Object.values(commonJsTypes));
    expect(targets.length).toBeGreaterThan(10);
    const own = targets.filter((path) => path.startsWith("."));
    expect(own.map((path) => path.replace("./", "")).filter((path) => !files.includes(path))).toEqual([]);
  });

  test("has a file where an import of its own leads to a package, for bundlers that look for one", () => {
    const packages = Object.values(manifest.imports).filter(
      (target) => typeof target === "string" && !target.startsWith("."),
    );
    expect(packages).toEqual(["@upstash/redis/node"]);
    for (const path of packages) {
      expect(files).toContain(`${path}.js`);
      expect(read(`${path}.js`).replace(/^\/\/.*\n/gm, "")).toBe(`export * from "${path}";\n`);
    }
  });

  test("asks for Node's modules in the programs alone", () => {
    const modules = files.filter((path) => path.endsWith(".js"));
    const asking = modules.filter((path) => /(from|import) ?\(?["']node:/.test(read(path)));
    // Chunks are shared by entry points: what they hold is judged by who reaches them.
    const reached = new Set<string>();
    const follow = (path: string): void => {
      if (reached.has(path) || !modules.includes(path)) return;
      reached.add(path);
      for (const [, specifier] of read(path).matchAll(/(?:from|import) ?\(?["'](\.[^"']+)["']/g)) {
        follow(new URL(specifier!, `file:///${path}`).pathname.slice(1));
      }
    };
    const libraries = Object.entries(manifest.exports).filter(([subpath]) => subpath !== "./dev");
    for (const [, target] of libraries)
      if (typeof target !== "string") follow(target["default"]!.replace("./", ""));
    expect(reached.size).toBeGreaterThan(2);
    expect(asking.filter((path) => reached.has(path))).toEqual([]);
  });
});

describe("the repository", () => {
  /** Each is put together here so that this file does not hold what it forbids. */
  const forbidden: readonly RegExp[] = [
    ["npm", "js\\.(org|com)"],
    ["yarn", "pkg\\.com"],
    ["jsr", "\\.io"],
    ["crates", "\\.io"],
    ["pypi", "\\.org"],
    ["proxy\\.", "golang"],
    ["deb\\.", "debian\\.org"],
    ["(?<![\\w.])/wo", "rk/"],
    ["(?<![\\w.])/ro", "ot/"],
    ["/tmp/", "(brief|bash_)"],
    ["\\.\\./sha", "red/"],
    ["\\.lib", "rary/"],
    ["\\biss", "ues? #?\\d"],
    ["look-", "ahead iss"],
    ["\\bthe ", "lead\\b"],
    ["\\b(this|earlier|later|next|previous) ses", "sion\\b"],
    ["\\bsub-?", "agent"],
    ["\\bclau", "de\\b"],
    ["anthro", "pic"],
    ["chat", "gpt"],
    ["language ", "model"],
  ].map((parts) => new RegExp(parts.join(""), "i"));

  const offences = (text: string): string[] =>
    text
      .split("\n")
      .flatMap((line, index) =>
        forbidden.filter((words) => words.test(line)).map((words) => `${index + 1}: ${words.source}`),
      );

  test("speaks of the project, never of where it was made or fetched", () => {
    const paths = tracked();
    expect(paths).toContain("package.json");
    const found = paths.flatMap((path) => {
      const text = read(path);
      return text.includes("\0") ? [] : offences(text).map((offence) => `${path}:${offence}`);
    });
    expect(found).toEqual([]);
  });

  test.each([
    `https://registry.npm${"js.org"}/x`,
    `see iss${"ue 12"}`,
    `/wo${"rk/main"}/x`,
    `cd /ro${"ot/x"}`,
    `as the le${"ad said"}`,
    `a later ses${"sion adds"} it`,
  ])("would find: %s", (line) => expect(offences(`fine\n${line}`)).toHaveLength(1));

  test.each([
    "network/work/x",
    "the leading bytes",
    "a session token",
    "issues: none",
    "https://example.com/root/x",
  ])("lets pass: %s", (line) => expect(offences(line)).toEqual([]));

  test("keeps what is generated out of git", () => {
    expect(
      tracked().filter((path) =>
        /^(dist|node_modules|\.cache)\/|inlined\.ts$|(?<!\/frozen\/.*)\.tgz$/.test(path),
      ),
    ).toEqual([]);
  });
});
