/** The module as Vercel's edge runtime imports it: compiling from bytes is refused there. */
import module from "../../zstash.wasm?module";

/** The compiled module. */
export const moduleAtHand: WebAssembly.Module | undefined = module;

/** Gives the compiled module. */
export function loadModule(): Promise<WebAssembly.Module> {
  return Promise.resolve(module);
}
