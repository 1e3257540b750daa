/** The decoder embedded in this package's own JavaScript, on runtimes with Node's zlib. */
import { inflateWithZlib } from "../../node.ts";
import { base64 } from "../inlined.ts";

/**
 * Compiles the module. `node:zlib` takes a quarter of the time of a DecompressionStream, and older versions have it.
 */
export function loadModule(): Promise<WebAssembly.Module> {
  return inflateWithZlib(base64);
}
