/** Values for the measurements of scale: JSON of any length, no two alike. */
import { jsonOfSize } from "../json-of-size.mjs";

const MIB = 2 ** 20;
/** Every so many bytes a number tells a value from the others, so that nothing repeats within zstd's window. */
const STRIDE = 4096;

/**
 * A maker of values of one length.
 *
 * @param {number} size bytes, at most 4 MiB
 * @returns {(index: number) => string} ASCII, `size` characters
 */
export function textsOfSize(size) {
  // JSON of the corpus holds a few characters of several bytes.
  const base = jsonOfSize(size + STRIDE).replace(/[^\x20-\x7e]/g, "x");
  return (index) => {
    const mark = `"number":${String(index).padStart(10, "0")},`;
    const start = (index * 97) % STRIDE;
    return (mark + base.slice(start)).slice(0, size).padEnd(size, " ");
  };
}

/** What streams are cut from; made once, and no part of what is timed. */
const block = new TextEncoder().encode(jsonOfSize(4 * MIB));

/**
 * A stream of JSON in chunks of 64 KiB, no block of 4 KiB like another. It holds one chunk.
 *
 * @param {number} size bytes
 * @param {(chunk: Uint8Array) => void} [onChunk]
 * @returns {ReadableStream<Uint8Array<ArrayBuffer>>}
 */
export function streamOfSize(size, onChunk = () => undefined) {
  const CHUNK = 64 << 10;
  let made = 0;
  return new ReadableStream(
    {
      pull(controller) {
        if (made >= size) return controller.close();
        const at = made % (block.length - CHUNK);
        const chunk = block.slice(at, at + Math.min(CHUNK, size - made));
        const view = new DataView(chunk.buffer);
        for (let place = 0; place + 8 <= chunk.length; place += STRIDE)
          view.setFloat64(place, made + place * Math.PI);
        made += chunk.length;
        onChunk(chunk);
        controller.enqueue(chunk);
      },
    },
    { highWaterMark: 0 },
  );
}
