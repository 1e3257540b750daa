// Preloaded by the fuzzer's program: what package.json leads to the build is taken from the sources, as under vitest.
import { registerHooks } from "node:module";

registerHooks({
  resolve(specifier, context, next) {
    const name = /^#wasm\/(full|decoder)$/.exec(specifier)?.[1];
    const adapters = {
      "#host": "host/node",
      "#http": "http/node",
      "#channels": "channels/node",
    };
    const path = adapters[specifier] ?? (name && `${name}/inline`);
    const url = path && new URL(`../../src/adapters/${path}.ts`, import.meta.url).href;
    return url ? { url, shortCircuit: true } : next(specifier, context);
  },
});
