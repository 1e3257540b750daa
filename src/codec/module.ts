import { describe } from "../check.ts";

/** What `loadZstd` and `loadDecoder` accept as the module: compiled, as bytes, or as a Response that yields them. */
export type ModuleSource = WebAssembly.Module | BufferSource | Response;

/**
 * The compiled module of a source. A Module of another realm (an EdgeVM, a Next.js sandbox) is no instance of this
 * realm's class, so it is told by its tag.
 */
export async function compileModule(source: ModuleSource): Promise<WebAssembly.Module> {
  const tag = Object.prototype.toString.call(source);
  if (tag === "[object WebAssembly.Module]") return source as WebAssembly.Module;
  if (tag === "[object Response]") return WebAssembly.compile(await (source as Response).arrayBuffer());
  if (tag === "[object ArrayBuffer]" || ArrayBuffer.isView(source)) {
    return WebAssembly.compile(source as BufferSource);
  }
  throw new TypeError(
    `"module" must be a WebAssembly.Module, its bytes or a Response, got ${describe(source)}`,
  );
}
