/** A range read asks for the version frame of a seekable value, also if its table just fits the first read. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { createDevServer, type DevServer } from "../../../src/dev/index.ts";
import { createStore } from "../../../src/store/index.ts";
import { expectBytes } from "../../support/expect-bytes.ts";
import { seededRandom } from "../../support/random.ts";

const FRAME = 16;
/** Where the first read of a value's end begins to hold no more than its table: 32 KiB. */
const TABLE_READ = 32 << 10;

let server: DevServer;
let url: string;
beforeAll(async () => {
  server = await createDevServer({ backend: "embedded" });
  ({ url } = await server.listen());
});
afterAll(() => server.close());

// 17 bytes and 8 for every frame, the version frame among them: around the size of the first read.
test.each([4088, 4089, 4090, 4091, 4092, 4093, 4094])(
  "parts of a value of %i frames are told from those of another by its version frame",
  async (frames) => {
    const ends: [first: number, last: number][] = [];
    const store = createStore({
      url,
      token: server.token,
      fetch: (input, init) => {
        for (const command of JSON.parse(typeof init.body === "string" ? init.body : "[]") as unknown[]) {
          if (Array.isArray(command) && command[0] === "GETRANGE")
            ends.push([Number(command[2]), Number(command[3])]);
        }
        return fetch(input, init);
      },
    });
    const data = seededRandom(frames).bytes(frames * FRAME);
    const { storedSize } = (await store.put("k", data, { layout: { frameSize: FRAME } }))!;
    const tableSize = 17 + 8 * (frames + 1);
    expect(Math.abs(tableSize - TABLE_READ)).toBeLessThan(64);
    const part = await store.getRange("k", 1000, 1100);
    expectBytes(new Uint8Array(await new Response(part).arrayBuffer()), data.subarray(1000, 1100));
    expect(ends.at(-1)).toEqual([storedSize - tableSize - 24, storedSize - tableSize - 1]);
  },
);
