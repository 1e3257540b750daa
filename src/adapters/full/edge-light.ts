/** The module as Vercel's edge runtime imports it: that runtime refuses to compile bytes. */
import module from "../../zstash.wasm?module";

/** The compiled module. */
export const moduleAtHand: WebAssembly.Module | undefined = module;

/** Returns the compiled module. */
export function loadModule(): Promise<WebAssembly.Module> {
  return Promise.resolve(module);
}
