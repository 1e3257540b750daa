/**
 * Compiles a module that travels as base64 of raw deflate: plain base64 of WebAssembly gzips to 1.4 times the
 * module, deflated first to 1.004 times.
 */
export async function inflateModule(base64: string): Promise<WebAssembly.Module> {
  if (typeof DecompressionStream !== "function") throw new Error("DecompressionStream is missing");
  const deflated = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const inflated = new Blob([deflated]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return WebAssembly.compile(await new Response(inflated).arrayBuffer());
}
