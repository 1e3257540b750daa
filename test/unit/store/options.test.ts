/** Every options object of a store refuses a name that it does not know, and says which was meant. */
import { describe, expect, test } from "vitest";
import type { Fetch } from "../../../src/rest/exchange.ts";
import { temporaryKey } from "../../../src/store/temporary-key.ts";
import { createStore, type Store, type StoreOptions } from "../../../src/store/index.ts";

const server = { url: "http://127.0.0.1:1", token: "token" };

/** A store that must send nothing. */
function silentStore(): { store: Store; sent: () => number } {
  let sent = 0;
  const fetch: Fetch = () => {
    sent += 1;
    return Promise.reject(new Error("nothing may be sent"));
  };
  return { store: createStore({ ...server, fetch, retry: false }), sent: () => sent };
}

const drained = async (keys: AsyncGenerator<unknown>): Promise<void> => {
  while ((await keys.next()).done !== true);
};

type Call = (store: Store, options: object) => Promise<unknown>;
const methods: Readonly<Record<string, Call>> = {
  put: (store, options) => store.put("k", "value", options),
  get: (store, options) => store.get("k", options),
  getBytes: (store, options) => store.getBytes("k", options),
  getText: (store, options) => store.getText("k", options),
  getRange: (store, options) => store.getRange("k", 0, 1, options),
  getCompressed: (store, options) => store.getCompressed("k", options),
  stat: (store, options) => store.stat("k", options),
  delete: (store, options) => store.delete("k", options),
  temporaryKeys: async (store, options) => drained(store.temporaryKeys(options)),
  removeTemporaryKeys: (store, options) => store.removeTemporaryKeys([], options),
};

test("all methods are here", () => {
  expect(Object.keys(methods).sort()).toEqual(Object.keys(silentStore().store).sort());
});

describe.each(Object.entries(methods))("%s", (_, call) => {
  test("refuses an unknown name, and sends nothing", async () => {
    const { store, sent } = silentStore();
    for (const options of [{ what: 1 }, { signl: undefined }, { maxsize: 1, Signal: 1 }, null, 7, "text"]) {
      await expect(call(store, options as object)).rejects.toBeInstanceOf(TypeError);
    }
    await expect(call(store, { signall: undefined })).rejects.toThrow('did you mean "signal"?');
    expect(sent()).toBe(0);
  });

  test("refuses a signal that is none, and sends nothing", async () => {
    const { store, sent } = silentStore();
    for (const signal of [{}, null, 7, "text", new AbortController()]) {
      await expect(call(store, { signal })).rejects.toThrow('"signal" must be an AbortSignal, got ');
    }
    expect(sent()).toBe(0);
  });
});

test.each<[object, string]>([
  [{ ex: 60 }, '"ex" is not an option: did you mean "ttl"?'],
  [{ px: 60 }, 'did you mean "ttl"?'],
  [{ TTL: 60 }, 'did you mean "ttl"?'],
  [{ nx: true }, 'did you mean "ifAbsent"?'],
  [{ levl: 1 }, 'did you mean "level"?'],
  [{ mtu: 1500 }, '"mtu" is not an option: did you mean "layout"?'],
  [{ layout: { framesize: 1000 } }, '"layout.framesize" is not an option: did you mean "frameSize"?'],
])("put with %j says what was meant", async (options, message) => {
  await expect(silentStore().store.put("k", "value", options)).rejects.toThrow(message);
});

test.each<[object, string]>([
  [{ retries: 3 }, '"retries" is not an option: did you mean "retry"?'],
  [{ retry: { attempts: 3 } }, '"retry.attempts" is not an option: did you mean "retries"?'],
  [{ retry: { backOff: () => 0 } }, 'did you mean "backoff"?'],
  [{ Url: "x" }, 'did you mean "url"?'],
  [{ recordLimit: 1 }, '"recordLimit" is not an option'],
  [{ maxWindowlog: 20 }, 'did you mean "maxWindowLog"?'],
])("createStore with %j says what was meant", (options, message) => {
  expect(() => createStore({ ...server, ...options } as StoreOptions)).toThrow(TypeError);
  expect(() => createStore({ ...server, ...options } as StoreOptions)).toThrow(message);
});

test("a scan tells how many keys it has looked at, before it gives what it found", async () => {
  const key = temporaryKey("k");
  const bulk = (text: string): string => `$${text.length}\r\n${text}\r\n`;
  const told: (number | string)[] = [];
  let scans = 0;
  const fetch: Fetch = (_, { body }) => {
    if (!(body as string).startsWith('["SCAN"')) {
      return Promise.resolve(new Response('[{"result":-1},{"result":0},{"result":""}]'));
    }
    scans += 1;
    return Promise.resolve(new Response(`*2\r\n${bulk(scans === 1 ? "17" : "0")}*1\r\n${bulk(key)}`));
  };
  const store = createStore({ ...server, fetch });
  for await (const found of store.temporaryKeys({ onScan: (scanned) => told.push(scanned) })) {
    told.push(found.key);
  }
  expect(told).toEqual([1000, key, 2000]);
  expect(() => store.temporaryKeys({ onScan: 1 as never })).toThrow('"onScan" must be a function');
});
