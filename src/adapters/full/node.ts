/**
 * The full module from its file in this package, on Node and Bun; from JavaScript where a bundler has left the file
 * behind.
 */
import { compileFile } from "../node.ts";
import { sizes } from "../sizes/inlined.ts";

/** Undefined: the module has to be compiled first. */
export const moduleAtHand: WebAssembly.Module | undefined = undefined;

/** Compiles the module. */
export async function loadModule(): Promise<WebAssembly.Module> {
  const module = compileFile("zstash.wasm", import.meta.url, sizes.full);
  return module ?? (await import("./on-demand/index.ts")).loadModule();
}
