/** Compiles the WebAssembly module that a caller provides. */
import { describe } from "../check.ts";

/** A WebAssembly.Module; any object if TypeScript does not know that type, which is so without lib "DOM". */
export type CompiledModule = typeof globalThis extends {
  readonly WebAssembly: { readonly Module: { readonly prototype: infer Module } };
}
  ? Module
  : object;

/** A WebAssembly module: compiled, as bytes, or as a Response that yields them. */
export type ModuleSource = CompiledModule | ArrayBuffer | ArrayBufferView | Response;

/**
 * Makes the function that loads a source. A Module of another realm (an EdgeVM, a Next.js sandbox) is not an instance
 * of this realm's class, so it is recognized by its tag.
 *
 * @throws {TypeError} for anything else
 */
export function readModule(source: ModuleSource): () => Promise<CompiledModule> {
  const tag = Object.prototype.toString.call(source);
  if (tag === "[object WebAssembly.Module]") return () => Promise.resolve(source as CompiledModule);
  if (tag === "[object Response]") {
    return async () => {
      const bytes = await (source as Response).arrayBuffer();
      return compile(bytes);
    };
  }
  if (tag === "[object ArrayBuffer]" || ArrayBuffer.isView(source)) {
    return async () => compile(source as BufferSource);
  }
  throw new TypeError(
    `"module" must be a WebAssembly.Module, its bytes or a Response, got ${describe(source)}`,
  );
}

/**
 * Next.js looks for the bare call in the code of edge functions: it builds no middleware that contains it, used or
 * not, and its development server rewrites the code around it. Where compiling is forbidden, this fails when it is
 * called.
 */
function compile(bytes: BufferSource): Promise<CompiledModule> {
  return globalThis.WebAssembly.compile(bytes);
}
