/**
 * The module embedded in this package's own JavaScript, which works in every bundler and runtime without
 * configuration.
 */
import { inflateModule } from "../inflate.ts";
import { base64 } from "./inlined.ts";

/** Undefined: the module has to be compiled first. */
export const moduleAtHand: WebAssembly.Module | undefined = undefined;

/** Compiles the inlined module. */
export function loadModule(): Promise<WebAssembly.Module> {
  return inflateModule(base64);
}
