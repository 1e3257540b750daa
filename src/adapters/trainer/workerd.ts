/** The module as workerd imports it: workerd refuses to compile bytes. */
import module from "../../zstash-trainer.wasm";

/** Returns the compiled module. */
export function loadModule(): Promise<WebAssembly.Module> {
  return Promise.resolve(module);
}
