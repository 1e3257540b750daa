/** How Node and Bun unpack a module that lies in JavaScript: their zlib has no streams to start, and older versions of them lack DecompressionStream or its "deflate-raw". */
import { inflateRawSync } from "node:zlib";
import { decodeBase64 } from "../format/base64.ts";

/** Compiles the module whose raw deflate stream is given in base64. */
export async function inflateWithZlib(base64: string): Promise<WebAssembly.Module> {
  const compressed = decodeBase64(base64);
  if (compressed === undefined) throw new Error("the module's bytes are damaged: they are not base64");
  return WebAssembly.compile(inflateRawSync(compressed));
}
