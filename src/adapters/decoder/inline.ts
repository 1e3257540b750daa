/**
 * The module embedded in this package's own JavaScript, which works in every bundler and runtime without
 * configuration.
 */
import { inflateModule } from "../inflate.ts";
import { base64 } from "./inlined.ts";

/** Compiles the inlined module. */
export function loadModule(): Promise<WebAssembly.Module> {
  return inflateModule(base64);
}
