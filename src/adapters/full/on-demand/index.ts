/** The full module out of this package's own JavaScript, on runtimes with Node's zlib. */
import { inflateWithZlib } from "../../node.ts";
import { base64 } from "../inlined.ts";

/** Compiles the module: by `node:zlib` in a quarter of the time that a DecompressionStream takes, and on older versions. */
export function loadModule(): Promise<WebAssembly.Module> {
  return inflateWithZlib(base64);
}
