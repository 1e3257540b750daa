/** Who is measured: zstash and its peers in this process, and those of other runtimes. */
import * as nodeZlib from "node:zlib";
import { loadZstd } from "zstash";
import { loadPeer, versionOf } from "../peers/load.mjs";

/**
 * How one side does the work on a value. `frame` is what zstash makes at level 1, for those that read zstd; others read what
 * they have made themselves.
 *
 * @typedef {{
 *   name: string,
 *   levels: readonly number[],
 *   format: "zstd" | "other",
 *   compress?: ((bytes: Uint8Array<ArrayBuffer>, level: number) => unknown) | undefined,
 *   decompress(compressed: Uint8Array, size: number): unknown,
 *   takes?: ((corpus: string, size: number) => boolean) | undefined,
 * }} Side
 *
 * What node:zlib has since Node 22.15; the types are of Node 20.
 *
 * @typedef {{
 *   zstdCompressSync?(data: Uint8Array, options: object): Buffer,
 *   zstdDecompressSync(data: Uint8Array, options: object): Buffer,
 *   readonly constants: Readonly<Record<"ZSTD_c_compressionLevel" | "ZSTD_c_checksumFlag", number>>,
 * }} ZstdOfZlib
 *
 * @typedef {{ init(): Promise<void>, compress(bytes: Uint8Array, level: number): Uint8Array, decompress(bytes: Uint8Array): Uint8Array }} Bokuweb
 * @typedef {{ Zstd: { load(): Promise<Pick<Bokuweb, "compress" | "decompress">> } }} Hpcc
 * @typedef {{ ZSTDDecoder: new () => { init(): Promise<void>, decode(bytes: Uint8Array, size: number): Uint8Array } }} Zstddec
 * @typedef {{ gzipSync(bytes: Uint8Array): Uint8Array, gunzipSync(bytes: Uint8Array): Uint8Array }} Fflate
 * @typedef {{ decompress(bytes: Uint8Array): Uint8Array }} Fzstd
 * @typedef {new () => { compress(value: string): Promise<Uint8Array>, decompress(value: Uint8Array): Promise<unknown> }} KeyvCompressor
 */

/** @typedef {Readonly<{ zstd: Awaited<ReturnType<typeof loadZstd>>, sides: readonly Side[], versions: Record<string, string> }>} Sides */

const PACKAGES = [
  "@bokuweb/zstd-wasm",
  "@hpcc-js/wasm-zstd",
  "zstddec",
  "fzstd",
  "fflate",
  "@keyv/compress-gzip",
  "@keyv/compress-brotli",
  "@msgpack/msgpack",
  "protobufjs",
];
/** What others read first: as fast as brotli is useful when a request waits; its default, 11, takes a hundred times as long. */
const BROTLI_QUALITY = 4;
/** The compressors of keyv take texts, and brotli's default takes seconds for a megabyte. */
const isShortJson = (/** @type {string} */ corpus, /** @type {number} */ size) =>
  corpus === "json" && size >= 1024 && size <= 131_072;

/** @returns {Promise<Sides>} */
export async function loadSides() {
  const zlib = /** @type {ZstdOfZlib} */ (/** @type {unknown} */ (nodeZlib));
  const { zstdCompressSync } = zlib;
  if (zstdCompressSync === undefined) throw new Error("node:zlib has no zstd: run with Node 22.15 or later");
  const zstd = await loadZstd();
  const bokuweb = /** @type {Bokuweb} */ (await loadPeer("@bokuweb/zstd-wasm"));
  await bokuweb.init();
  const hpcc = await /** @type {Hpcc} */ (await loadPeer("@hpcc-js/wasm-zstd")).Zstd.load();
  const zstddec = new /** @type {Zstddec} */ (await loadPeer("zstddec")).ZSTDDecoder();
  await zstddec.init();
  const fflate = /** @type {Fflate} */ (await loadPeer("fflate"));
  const fzstd = /** @type {Fzstd} */ (await loadPeer("fzstd"));
  const { KeyvGzip } = /** @type {{ KeyvGzip: KeyvCompressor }} */ (await loadPeer("@keyv/compress-gzip"));
  const { KeyvBrotli } = /** @type {{ KeyvBrotli: KeyvCompressor }} */ (
    await loadPeer("@keyv/compress-brotli")
  );
  const [keyvGzip, keyvBrotli] = [new KeyvGzip(), new KeyvBrotli()];

  const chunkSizeFor = (/** @type {number} */ size) => Math.max(64, size + (size >> 8) + 64);
  const brotli = { params: { [nodeZlib.constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY } };
  const text = (/** @type {Uint8Array} */ bytes) => new TextDecoder().decode(bytes);
  /** @type {readonly Side[]} */
  const sides = [
    {
      name: "zstash",
      levels: [1, 3],
      format: "zstd",
      compress: (bytes, level) => zstd.compress(bytes, { level }),
      decompress: (frame) => zstd.decompress(frame),
    },
    {
      name: "node:zlib zstd",
      levels: [1, 3],
      format: "zstd",
      compress: (bytes, level) =>
        zstdCompressSync(bytes, {
          params: {
            [zlib.constants.ZSTD_c_compressionLevel]: level,
            [zlib.constants.ZSTD_c_checksumFlag]: 1,
          },
          chunkSize: chunkSizeFor(bytes.length),
        }),
      decompress: (frame, size) => zlib.zstdDecompressSync(frame, { chunkSize: chunkSizeFor(size) }),
    },
    {
      name: "@bokuweb/zstd-wasm",
      levels: [1, 3],
      format: "zstd",
      compress: (bytes, level) => bokuweb.compress(bytes, level),
      decompress: (frame) => bokuweb.decompress(frame),
    },
    {
      name: "@hpcc-js/wasm-zstd",
      levels: [1, 3],
      format: "zstd",
      compress: (bytes, level) => hpcc.compress(bytes, level),
      decompress: (frame) => hpcc.decompress(frame),
    },
    {
      name: "zstddec",
      levels: [1],
      format: "zstd",
      decompress: (frame, size) => zstddec.decode(frame, size),
    },
    { name: "fzstd", levels: [1], format: "zstd", decompress: (frame) => fzstd.decompress(frame) },
    {
      name: "node:zlib gzip",
      levels: [1],
      format: "other",
      compress: (bytes) => nodeZlib.gzipSync(bytes),
      decompress: (bytes) => nodeZlib.gunzipSync(bytes),
    },
    {
      name: "node:zlib brotli",
      levels: [1],
      format: "other",
      compress: (bytes) => nodeZlib.brotliCompressSync(bytes, brotli),
      decompress: (bytes) => nodeZlib.brotliDecompressSync(bytes),
    },
    {
      name: "fflate gzip",
      levels: [1],
      format: "other",
      compress: (bytes) => fflate.gzipSync(bytes),
      decompress: (bytes) => fflate.gunzipSync(bytes),
    },
    {
      name: "@keyv/compress-gzip",
      levels: [1],
      format: "other",
      takes: isShortJson,
      compress: (bytes) => keyvGzip.compress(text(bytes)),
      decompress: (bytes) => keyvGzip.decompress(bytes),
    },
    {
      name: "@keyv/compress-brotli",
      levels: [1],
      format: "other",
      takes: isShortJson,
      compress: (bytes) => keyvBrotli.compress(text(bytes)),
      decompress: (bytes) => keyvBrotli.decompress(bytes),
    },
  ];
  const versions = {
    Node: process.versions.node,
    "zstd of node:zlib": process.versions["zstd"] ?? "",
    ...Object.fromEntries(PACKAGES.map((name) => [name, versionOf(name)])),
  };
  return { zstd, sides, versions };
}
