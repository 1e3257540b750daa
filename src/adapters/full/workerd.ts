/** The module as workerd imports it: compiling from bytes is refused there. */
import module from "../../zstash.wasm";

/** The compiled module. */
export const moduleAtHand: WebAssembly.Module | undefined = module;

/** Gives the compiled module. */
export function loadModule(): Promise<WebAssembly.Module> {
  return Promise.resolve(module);
}
