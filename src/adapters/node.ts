/**
 * How Node and Bun load their own modules and ours. Node's modules are required, not imported: an import makes an
 * export of each getter, which loads undici for node:http (30 ms of a cold start from Node 22 on) and the promises
 * API for node:fs.
 */
import type fs from "node:fs";
import nodeModule from "node:module";
import type zlib from "node:zlib";
import { decodeBase64 } from "../format/base64.ts";

let require: ((name: string) => unknown) | undefined;

/**
 * Loads a module of Node's own. This function is not imported from elsewhere, because webpack would resolve an
 * imported `createRequire` itself and leave nothing behind.
 */
export function requireBuiltin(name: string): unknown {
  require ??= nodeModule.createRequire("/");
  return require(name);
}

/**
 * Compiles a module from its file in dist/, which takes a third of the time that inflating it takes. Returns
 * undefined if a bundler has moved the code away from the file, or if the file there was not built with this code.
 */
export function compileFile(name: string, from: string, size: number): WebAssembly.Module | undefined {
  try {
    const { readFileSync } = requireBuiltin("node:fs") as typeof fs;
    const bytes = readFileSync(new URL(`../../${name}`, from));
    // Compiled synchronously: functions are compiled when they are first called, so a separate thread would save
    // nothing.
    return bytes.length === size ? new WebAssembly.Module(bytes) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Compiles a module from its raw deflate stream in base64. zlib is used because it starts no streams, and because
 * older versions of Node lack DecompressionStream or its "deflate-raw".
 */
export async function inflateWithZlib(base64: string): Promise<WebAssembly.Module> {
  const compressed = decodeBase64(base64);
  if (compressed === undefined) throw new Error("the module's bytes are damaged: they are not base64");
  const { inflateRawSync } = requireBuiltin("node:zlib") as typeof zlib;
  return WebAssembly.compile(inflateRawSync(compressed));
}
