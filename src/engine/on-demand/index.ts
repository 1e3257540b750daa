/** Explains a failed load: what this runtime lacks or forbids, and what to do about it. Loaded after the failure. */

/** The oldest runtimes that the conformance suite runs on, or that have what the module and its loader need. */
const OLDEST =
  "the oldest that zstash supports are Node 20.0, Deno 2.0, Bun 1.2, the compatibility date 2024-09-01 of Workers, " +
  "Chrome 103, Firefox 113 and Safari 16.4";

/** A module with one SIMD instruction, `v128.const`, as the kernel has them. */
const simd = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 10, 23, 1, 21, 0, 253, 12, 0, 0, 0, 0, 0, 0, 0,
  0, 0, 0, 0, 0, 0, 0, 0, 0, 26, 11,
]);

/** Remedies by the runtime's error message. The first one that matches is used. */
const remedies: readonly (readonly [RegExp, string])[] = [
  [
    /not zstash's/,
    'the module is another library\'s or another version\'s; import it from "zstash/zstash.wasm" (decoder: "zstash/zstash-decoder.wasm", trainer: "zstash/zstash-trainer.wasm")',
  ],
  [
    /DecompressionStream/,
    "this runtime has no DecompressionStream to inflate the module with; " +
      `pass the module yourself: import it from "zstash/zstash.wasm" and call loadZstd({ module }); ${OLDEST}`,
  ],
  [
    /WebAssembly is not defined|WebAssembly is missing|reading 'compile'|Can't find variable: WebAssembly/,
    `this runtime has no WebAssembly; use mode passthrough, or do this work elsewhere; ${OLDEST}`,
  ],
  [
    /disallowed by embedder|unsafe-eval|Content Security Policy|code generation|blocked by CSP/i,
    "compiling WebAssembly from bytes is forbidden here. On a page, allow it: Content-Security-Policy: script-src 'wasm-unsafe-eval'. " +
      "In Workers and edge functions, let the bundler use the condition `workerd` or `edge-light` (wrangler and Next.js do), " +
      'or import "zstash/zstash.wasm" and call loadZstd({ module })',
  ],
  [
    /CompileError|magic|expected|malformed|section|base64|decode/i,
    'the module\'s bytes are damaged; reinstall the package, or pass the module of "zstash/zstash.wasm" as loadZstd({ module })',
  ],
];

/** The remedy for what a load threw. */
export function remedyFor(cause: unknown): string {
  const text = cause instanceof Error ? `${cause.name}: ${cause.message}` : "";
  // A runtime that does not know the module's instructions reports such a module as damaged.
  if (/CompileError/.test(text) && !WebAssembly.validate(simd))
    return `this runtime's WebAssembly has no SIMD instructions; ${OLDEST}`;
  return (
    remedies.find(([pattern]) => pattern.test(text))?.[1] ??
    'pass the module yourself: import it from "zstash/zstash.wasm" and call loadZstd({ module })'
  );
}
