/**
 * The decoder from its file in this package, on Node and Bun; from JavaScript where a bundler has left the file
 * behind.
 */
import { compileFile } from "../node.ts";
import { sizes } from "../sizes/inlined.ts";

/** Compiles the module. */
export async function loadModule(): Promise<WebAssembly.Module> {
  const module = compileFile("zstash-decoder.wasm", import.meta.url, sizes.decoder);
  return module ?? (await import("./on-demand/index.ts")).loadModule();
}
