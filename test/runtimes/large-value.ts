/** A value of 100 MB through the store: put from a stream and got back as one, with every request counted. */
import { createStore, type Fetch } from "zstash/store";

/** What a runtime says of it; JSON-serialisable. */
export interface LargeValueReport {
  readonly size: number;
  readonly storedSize: number;
  readonly equal: boolean;
  /** Requests of the put and of the get. */
  readonly put: number;
  readonly get: number;
  /** Requests that were on their way at once, at most. */
  readonly most: number;
}

const SIZE = 100_000_000;
const CHUNK = 64 << 10;

/** A sum over bytes and their places, four at a time: 100 MB in a fraction of a second. */
class Sum {
  #a = 1;
  #b = 0;
  size = 0;

  add(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at++) {
      this.#a = (this.#a + bytes[at]!) | 0;
      this.#b = (this.#b + this.#a) | 0;
    }
    this.size += bytes.length;
  }

  equals(other: Sum): boolean {
    return this.#a === other.#a && this.#b === other.#b && this.size === other.size;
  }
}

/** Bytes that do not compress: 64 KiB of noise, turned a little further each time. */
function noise(sum: Sum): ReadableStream<Uint8Array> {
  const block = new Uint8Array(CHUNK);
  for (let at = 0, state = 1; at < CHUNK; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    block[at] = state >>> 24;
  }
  let made = 0;
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (made >= SIZE) return controller.close();
        const turn = made / CHUNK;
        const chunk = block.map((byte, at) => byte ^ (Math.imul(at + turn, 2_654_435_761 + 2 * turn) >>> 24));
        const part = chunk.subarray(0, Math.min(CHUNK, SIZE - made));
        made += part.length;
        sum.add(part);
        controller.enqueue(part);
      },
    },
    { highWaterMark: 0 },
  );
}

/** Puts and gets the value on a server. */
export async function report(server: { url: string; token: string }): Promise<LargeValueReport> {
  let requests = 0;
  let running = 0;
  let most = 0;
  const counted: Fetch = async (input, init) => {
    requests += 1;
    running += 1;
    most = Math.max(most, running);
    try {
      return await fetch(input, init);
    } finally {
      running -= 1;
    }
  };
  const store = createStore({ ...server, fetch: counted });
  const sent = new Sum();
  const result = await store.put("large", noise(sent), { ttl: 60 });
  const put = requests;
  requests = 0;
  const got = new Sum();
  const reader = (await store.get("large"))!.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) got.add(next.value);
  return {
    size: SIZE,
    storedSize: result!.storedSize,
    equal: got.equals(sent),
    put,
    get: requests,
    most,
  };
}
