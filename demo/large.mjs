/** A large file through the store, in frames that fit a network segment each. */
import { segmentSize } from "zstash";
import { createStore } from "zstash/store";
import { bytes, count } from "../bench/table.mjs";

const MTU = 1500;
const KEY = "large";

/**
 * Stores the largest of the items, reads it back whole and in part, and looks at its frames.
 *
 * @param {{ url: string, token: string }} server
 * @param {readonly { key: string, text: string }[]} items
 * @returns {Promise<{ key: string, text: string, lines: string[], failed: boolean }>}
 */
export async function storeLarge(server, items) {
  const { text } = items.reduce((largest, item) => (item.text.length > largest.text.length ? item : largest));
  let requests = 0;
  const store = createStore({
    ...server,
    fetch: (input, init) => {
      requests += 1;
      return fetch(input, init);
    },
  });
  const bound = segmentSize({ mtu: MTU });
  const result = await store.put(KEY, new Blob([text]).stream(), { layout: { mtu: MTU } });
  if (result === null) throw new Error("nothing was stored");
  const { size, storedSize, frameCount, largestFrame } = result;
  const putRequests = requests;
  const again = await store.getText(KEY, { maxSize: size });
  const content = new TextEncoder().encode(text);
  const [start, end] = [Math.floor(size / 2), Math.floor(size / 2) + 1000];
  requests = 0;
  const part = new Uint8Array(await new Response(await store.getRange(KEY, start, end)).arrayBuffer());
  const partEqual = part.length === end - start && part.every((byte, at) => byte === content[start + at]);
  const failed = again !== text || !partEqual || largestFrame > bound;
  return {
    key: KEY,
    text,
    failed,
    lines: [
      `The largest file, ${bytes(size)}, streamed into the store with layout { mtu: ${MTU} }: ${bytes(storedSize)} in ${putRequests} request${putRequests === 1 ? "" : "s"};`,
      `${count(frameCount)} frames, the largest ${count(largestFrame)} bytes of at most ${count(bound)}, each decodable alone.`,
      `Read back ${again === text ? "equal" : "NOT equal"}; 1,000 bytes out of its middle in ${requests} requests: ${partEqual ? "equal" : "NOT equal"}.`,
    ],
  };
}
