// Native zstd behind a pipe: runs under a Node whose zlib has zstd 1.5.7, answers the messages of native.ts in order.
// A message is two uint32 (little-endian), the lengths of a JSON header and of a payload, then both.
import * as nodeZlib from "node:zlib";

/**
 * What node:zlib has in the Node that runs this; the types are of Node 20.
 *
 * @typedef {{ params: Record<number, number>, chunkSize: number }} ZstdOptions
 * @typedef {{ info: true, maxOutputLength: number }} LimitOptions
 * @typedef {{
 *   readonly constants: Readonly<Record<string, number>>,
 *   zstdCompressSync(data: Uint8Array, options: ZstdOptions): Buffer,
 *   zstdDecompressSync(
 *     data: Uint8Array,
 *     options: ZstdOptions & LimitOptions,
 *   ): { buffer: Buffer, engine: { bytesWritten: number } },
 * }} ZstdOfZlib
 *
 * What native.ts sends, and what it is answered; `payload` lies behind the JSON.
 *
 * @typedef {{ level: number, checksum: boolean, parameters: Record<string, number> }} Compression
 * @typedef {{ maxOutput: number, windowLogMax: number, frames: "all" | "first" }} Decompression
 * @typedef {(Compression & { operation: "compress" }) | (Decompression & { operation: "decompress" }) | { operation: "version" }} Header
 * @typedef {{ payload?: Buffer, consumed?: number, code?: string, message?: string }} Answer
 */

const zlib = /** @type {ZstdOfZlib} */ (/** @type {unknown} */ (nodeZlib));
const PREFIX = 8;
const { constants } = zlib;

/**
 * @param {Buffer} data
 * @param {Compression} options
 * @returns {Answer}
 */
function compress(data, { level, checksum, parameters }) {
  const params = {
    [constants.ZSTD_c_compressionLevel]: level,
    [constants.ZSTD_c_checksumFlag]: checksum ? 1 : 0,
  };
  for (const [name, value] of Object.entries(parameters)) params[constants[name]] = value;
  // An output buffer of at least ZSTD_compressBound lets zstd work in one pass: a smaller one changes the bytes.
  const bound = data.length + (data.length >>> 8) + (128 << 10);
  return { payload: zlib.zstdCompressSync(data, { params, chunkSize: bound }) };
}

/**
 * @param {Buffer} data
 * @param {Decompression} options
 * @returns {Answer}
 */
function decompress(data, { maxOutput, windowLogMax, frames }) {
  const params = { [constants.ZSTD_d_windowLogMax]: windowLogMax };
  /** @type {Buffer[]} */
  const parts = [];
  let consumed = 0;
  let size = 0;
  try {
    do {
      const { buffer, engine } = zlib.zstdDecompressSync(data.subarray(consumed), {
        params,
        info: true,
        // zlib refuses a limit of 0; one byte too many is refused below.
        maxOutputLength: Math.max(1, maxOutput - size),
        chunkSize: Math.min(Math.max(64, maxOutput - size), 1 << 20),
      });
      parts.push(buffer);
      size += buffer.length;
      consumed += engine.bytesWritten;
      if (size > maxOutput) return { code: "ERR_BUFFER_TOO_LARGE", message: `more than ${maxOutput} bytes` };
      if (frames === "first") break;
    } while (consumed < data.length);
  } catch (error) {
    return failure(error);
  }
  return { consumed, payload: Buffer.concat(parts) };
}

/**
 * @param {unknown} error
 * @returns {Answer}
 */
function failure(error) {
  const { code, name, message } = /** @type {Error & { code?: string }} */ (error);
  return { code: code ?? name, message };
}

/**
 * @param {Header} header
 * @param {Buffer} payload
 * @returns {Answer}
 */
function answer(header, payload) {
  try {
    if (header.operation === "compress") return compress(payload, header);
    if (header.operation === "decompress") return decompress(payload, header);
    return { payload: Buffer.from(JSON.stringify({ node: process.version, zstd: process.versions.zstd })) };
  } catch (error) {
    return failure(error);
  }
}

/** @param {Answer} answer */
function send({ payload = Buffer.alloc(0), ...header }) {
  const head = Buffer.from(JSON.stringify(header));
  const prefix = Buffer.alloc(PREFIX);
  prefix.writeUInt32LE(head.length, 0);
  prefix.writeUInt32LE(payload.length, 4);
  process.stdout.write(Buffer.concat([prefix, head, payload]));
}

/** @type {Buffer[]} */
let parts = [];
let held = 0;
let wanted = PREFIX;
process.stdin.on("data", (chunk) => {
  parts.push(chunk);
  held += chunk.length;
  if (held < wanted) return;
  let rest = Buffer.concat(parts);
  while (true) {
    wanted = rest.length < PREFIX ? PREFIX : PREFIX + rest.readUInt32LE(0) + rest.readUInt32LE(4);
    if (rest.length < wanted) break;
    const bodyStart = PREFIX + rest.readUInt32LE(0);
    send(answer(JSON.parse(rest.subarray(PREFIX, bodyStart).toString()), rest.subarray(bodyStart, wanted)));
    rest = rest.subarray(wanted);
  }
  parts = [rest];
  held = rest.length;
});
