import module from "../../zstash-decoder.wasm?module";

/** The module as Vercel's edge runtime imports it: compiling from bytes is refused there. */
export function loadModule(): Promise<WebAssembly.Module> {
  return Promise.resolve(module);
}
