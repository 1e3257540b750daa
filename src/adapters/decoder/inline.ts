import { inflateModule } from "../inflate.ts";
import { base64 } from "./inlined.ts";

/** The module out of this package's own JavaScript: runs in every bundler and runtime without configuration. */
export function loadModule(): Promise<WebAssembly.Module> {
  return inflateModule(base64);
}
