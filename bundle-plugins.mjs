// Plugins of esbuild that the build and the tests share: how packages in CommonJS become part of an ES module.

/**
 * Lets a package in CommonJS that is bundled into an ES module require Node's own modules: each becomes an import. Without
 * it esbuild leaves a `require` that no ES module has.
 *
 * @type {import("esbuild").Plugin}
 */
export const nodeBuiltins = {
  name: "node-builtins",
  setup(build) {
    build.onResolve({ filter: /^node:/ }, ({ path, kind }) =>
      kind === "require-call" ? { path, namespace: "node-builtin" } : { path, external: true },
    );
    build.onLoad({ filter: /.*/, namespace: "node-builtin" }, ({ path }) => ({
      contents: `export * from ${JSON.stringify(path)};`,
    }));
  },
};
