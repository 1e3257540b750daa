/** The module as workerd imports it: workerd refuses to compile bytes. */
import module from "../../zstash.wasm";

/** The compiled module. */
export const moduleAtHand: WebAssembly.Module | undefined = module;

/** Returns the compiled module. */
export function loadModule(): Promise<WebAssembly.Module> {
  return Promise.resolve(module);
}
