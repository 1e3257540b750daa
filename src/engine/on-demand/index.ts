/** Explains a failed load: what this runtime lacks or forbids, and what to do about it. Loaded after the failure. */

/** Remedies by what the runtime says of the failure. The first that matches is told. */
const remedies: readonly (readonly [RegExp, string])[] = [
  [
    /not zstash's/,
    'the module is another library\'s or another version\'s; import it from "zstash/zstash.wasm" (decoder: "zstash/zstash-decoder.wasm")',
  ],
  [
    /DecompressionStream/,
    "this runtime has no DecompressionStream to inflate the module with; " +
      'pass the module yourself: import it from "zstash/zstash.wasm" and call loadZstd({ module })',
  ],
  [
    /WebAssembly is not defined|WebAssembly is missing|reading 'compile'|Can't find variable: WebAssembly/,
    "this runtime has no WebAssembly; use mode passthrough, or do this work elsewhere",
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
  return (
    remedies.find(([pattern]) => pattern.test(text))?.[1] ??
    'pass the module yourself: import it from "zstash/zstash.wasm" and call loadZstd({ module })'
  );
}
