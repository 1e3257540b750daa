/**
 * How Node and Bun get at their own modules and at ours. Node's modules are required, not imported: an import makes an export
 * of each getter, which for node:http loads undici (30 ms of a cold start from Node 22 on), for node:fs its promises.
 */
import type fs from "node:fs";
import nodeModule from "node:module";
import type zlib from "node:zlib";
import { decodeBase64 } from "../format/base64.ts";

let require: ((name: string) => unknown) | undefined;

/**
 * Gives a module of Node's own; from where it is asked for makes no difference. The function is no import of its own: webpack
 * takes an imported `createRequire` for one that it resolves itself, and leaves nothing behind.
 */
export function requireBuiltin(name: string): unknown {
  require ??= nodeModule.createRequire("/");
  return require(name);
}

/**
 * Compiles a module out of its file in dist/, which takes a third of the time that inflating it takes. Undefined where a bundler
 * has moved the code away from the file, or the file there is not the one that was built with this code.
 */
export function compileFile(name: string, from: string, size: number): WebAssembly.Module | undefined {
  try {
    const { readFileSync } = requireBuiltin("node:fs") as typeof fs;
    const bytes = readFileSync(new URL(`../../${name}`, from));
    // At once: functions are compiled when they are first called, so that a thread of its own saves nothing.
    return bytes.length === size ? new WebAssembly.Module(bytes) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Compiles the module whose raw deflate stream is given in base64: zlib has no streams to start, and older versions of Node lack
 * DecompressionStream or its "deflate-raw".
 */
export async function inflateWithZlib(base64: string): Promise<WebAssembly.Module> {
  const compressed = decodeBase64(base64);
  if (compressed === undefined) throw new Error("the module's bytes are damaged: they are not base64");
  const { inflateRawSync } = requireBuiltin("node:zlib") as typeof zlib;
  return WebAssembly.compile(inflateRawSync(compressed));
}
