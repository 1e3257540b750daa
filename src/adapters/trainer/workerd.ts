/** The module as workerd imports it: compiling from bytes is refused there. */
import module from "../../zstash-trainer.wasm";

/** Gives the compiled module. */
export function loadModule(): Promise<WebAssembly.Module> {
  return Promise.resolve(module);
}
