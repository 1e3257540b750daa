/** The module with the names of its functions, which profiles need; that its code is the published one's is checked. */
import { readFileSync } from "node:fs";
import { build } from "../../wasm/compile.mjs";

/** The id of the section that holds functions' bodies. */
const CODE = 10;
const HEADER = 8;

/**
 * The code section of a module.
 *
 * @param {Uint8Array} module
 */
export function codeOf(module) {
  for (let at = HEADER; at < module.length;) {
    const id = module[at++];
    let size = 0;
    // LEB128: seven bits a byte, the lowest first.
    for (let shift = 0, more = true; more; shift += 7, at++) {
      size += (module[at] & 127) * 2 ** shift;
      more = module[at] >= 128;
    }
    if (id === CODE) return module.subarray(at, at + size);
    at += size;
  }
  throw new Error("the module has no code");
}

/** @returns {Promise<Uint8Array<ArrayBuffer>>} built, or out of the cache */
export async function buildNamedModule() {
  const named = await build("zstash.wasm", { named: true });
  const published = readFileSync(new URL("../../dist/zstash.wasm", import.meta.url));
  if (Buffer.compare(codeOf(named), codeOf(published)) !== 0)
    throw new Error("the build with names has other code than dist/zstash.wasm");
  return new Uint8Array(named);
}
