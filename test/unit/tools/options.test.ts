/** Every object of options of every public function refuses a name that it does not know, and says what was meant. */
import { beforeAll, describe, expect, test } from "vitest";
import { loadZstd, type Decoder, type Zstd } from "../../../src/index.ts";
import { loadDecoder } from "../../../src/decode.ts";
import { createDevServer, type DevServer } from "../../../src/dev/index.ts";
import { bokuweb } from "../../../src/engine/bokuweb.ts";
import * as metrics from "../../../src/metrics/index.ts";
import * as serving from "../../../src/serve/index.ts";
import * as browser from "../../../src/browser/index.ts";
import * as dictionaries from "../../../src/life-cycle/index.ts";
import * as next from "../../../src/next/index.ts";
import * as store from "../../../src/store/index.ts";
import * as upstash from "../../../src/upstash/index.ts";
import * as zstash from "../../../src/index.ts";
import * as decode from "../../../src/decode.ts";
import * as train from "../../../src/train/index.ts";
import * as dev from "../../../src/dev/index.ts";
import * as engines from "../../../src/engine/bokuweb.ts";
import { trainDictionary } from "../../../src/train/index.ts";
import { publicFunctions, subpaths, type Options } from "../../support/public-options.ts";

type Call = (options: object | undefined) => unknown;

interface Walked {
  readonly call: Call;
  /** Options without which the others are not looked at. */
  readonly base?: Readonly<Record<string, unknown>>;
}

const endpoint = { url: "http://127.0.0.1:9", token: "t" };
/** What lies in options where nothing but an object with something in it will do. */
const nestedBases: Readonly<Record<string, object>> = { layout: { frameSize: 4096 } };
const data = new TextEncoder().encode("some text");

/** Requests that were sent: a call with a wrong option sends none. */
let sent = 0;
const fetch = (): Promise<Response> => {
  sent += 1;
  return Promise.resolve(new Response('{"error":"ERR no"}', { status: 400 }));
};
const source = { size: data.length, read: async () => data };
const client = (): { use(): void } => ({ use() {} });

let zstd: Zstd;
let peer: Zstd;
let decoder: Decoder;
let server: DevServer;
let values: store.Store;
let manager: dictionaries.DictionaryManager;
beforeAll(async () => {
  [zstd, peer, decoder] = await Promise.all([loadZstd(), loadZstd({ engine: bokuweb }), loadDecoder()]);
  server = await createDevServer({ backend: "embedded" });
  manager = dictionaries.createDictionaryManager({ ...endpoint, fetch, retry: false });
  values = store.createStore({ ...endpoint, fetch, retry: false, zstd });
  return () => server.close();
});

/** How the methods of a decoder are called. */
const decoding = (name: string, of: () => Decoder): Record<string, Walked> => ({
  [`${name}.decompress`]: { call: (options) => of().decompress(zstd.compress(data), options) },
  [`${name}.decompressText`]: { call: (options) => of().decompressText(zstd.compress(data), options) },
  [`${name}.decompressStream`]: { call: (options) => of().decompressStream(options) },
  [`${name}.decompressRange`]: { call: (options) => of().decompressRange(source, 0, 1, options) },
});

const coding = (name: string, of: () => Zstd): Record<string, Walked> => ({
  ...decoding(name, of),
  [`${name}.compress`]: { call: (options) => of().compress(data, options) },
  [`${name}.compressStream`]: { call: (options) => of().compressStream(options) },
  [`${name}.compressFrames`]: {
    call: (options) => of().compressFrames(options as { maxFrameSize: number }),
    base: { maxFrameSize: 1000 },
  },
});

/** Every public function that takes options. */
const walked: Readonly<Record<string, Walked>> = {
  "zstash loadZstd": { call: (options) => loadZstd(options) },
  "zstash readSeekTable": { call: (options) => zstash.readSeekTable(source, options) },
  "zstash segmentSize": {
    call: (options) => zstash.segmentSize(options as { mtu: number }),
    base: { mtu: 1500 },
  },
  ...coding("zstash Zstd", () => zstd),
  "zstash/decode loadDecoder": { call: (options) => loadDecoder(options) },
  ...decoding("zstash/decode Decoder", () => decoder),
  "zstash/upstash withCompression": { call: (options) => upstash.withCompression(client(), options) },
  "zstash/upstash compressionMiddleware": { call: (options) => upstash.compressionMiddleware(options) },
  "zstash/upstash createRequester": {
    call: (options) => upstash.createRequester(options as upstash.RequesterOptions),
    base: endpoint,
  },
  "zstash/upstash encodeValue": { call: (options) => upstash.encodeValue(zstd, "text", options) },
  "zstash/upstash decodeValue": { call: (options) => upstash.decodeValue(zstd, "text", options) },
  "zstash/upstash keyvCompression": { call: (options) => upstash.keyvCompression(zstd, options) },
  "zstash/store createStore": {
    call: (options) => store.createStore(options as store.StoreOptions),
    base: endpoint,
  },
  "zstash/store Store.put": { call: (options) => values.put("k", data, options) },
  "zstash/store Store.get": { call: (options) => values.get("k", options) },
  "zstash/store Store.getBytes": { call: (options) => values.getBytes("k", options) },
  "zstash/store Store.getText": { call: (options) => values.getText("k", options) },
  "zstash/store Store.getRange": { call: (options) => values.getRange("k", 0, 1, options) },
  "zstash/store Store.getCompressed": { call: (options) => values.getCompressed("k", options) },
  "zstash/store Store.stat": { call: (options) => values.stat("k", options) },
  "zstash/store Store.delete": { call: (options) => values.delete("k", options) },
  "zstash/store Store.temporaryKeys": { call: (options) => values.temporaryKeys(options).next() },
  "zstash/store Store.removeTemporaryKeys": {
    call: (options) => values.removeTemporaryKeys(["k:zstash:0123456789abcdef0123456789abcdef"], options),
  },
  "zstash/serve serve": {
    call: (options) =>
      serving.serve(new Request("http://localhost/"), data, options).then((made) => made.body?.cancel()),
  },
  "zstash/serve serveKey": {
    call: (options) => serving.serveKey(new Request("http://localhost/"), values, "k", options),
  },
  "zstash/browser fetchDecoded": {
    call: (options) => browser.fetchDecoded("data:,text", undefined, options),
  },
  "zstash/browser decodeResponse": {
    call: (options) => browser.decodeResponse(new Response("text"), options),
  },
  "zstash/browser decodeStored": { call: (options) => browser.decodeStored("text", options) },
  "zstash/next createCacheHandler": { call: (options) => next.createCacheHandler(options), base: endpoint },
  "zstash/next createUseCacheHandler": {
    call: (options) => next.createUseCacheHandler(options),
    base: endpoint,
  },
  "zstash/metrics createMetrics": { call: (options) => metrics.createMetrics(options) },
  "zstash/train trainDictionary": { call: (options) => trainDictionary([], options) },
  "zstash/dictionaries createDictionaryManager": {
    call: (options) => dictionaries.createDictionaryManager(options as dictionaries.RestOptions),
    base: endpoint,
  },
  "zstash/dictionaries DictionaryManager.publish": {
    call: (options) => manager.publish(data, options as dictionaries.PublishOptions),
    base: { pattern: "*" },
  },
  "zstash/dictionaries DictionaryManager.promote": { call: (options) => manager.promote("*", options) },
  "zstash/dictionaries DictionaryManager.retire": { call: (options) => manager.retire(40_000, options) },
  "zstash/dictionaries DictionaryManager.collect": { call: (options) => manager.collect(options) },
  "zstash/dictionaries DictionaryManager.manifest": { call: (options) => manager.manifest(options) },
  "zstash/dictionaries DictionaryManager.list": { call: (options) => manager.list(options) },
  "zstash/dictionaries DictionaryManager.show": { call: (options) => manager.show(40_000, options) },
  "zstash/dictionaries DictionaryManager.setMode": { call: (options) => manager.setMode("on", options) },
  "zstash/dev createDevServer": {
    call: (options) => createDevServer(options).then((made) => made.close()),
    base: { backend: "embedded" },
  },
  "zstash/dev DevServer.listen": {
    async call(options) {
      // A server listens once.
      const made = await createDevServer({ backend: "embedded" });
      await made.listen(options).finally(() => made.close());
    },
  },
};

const modules: Readonly<Record<string, object>> = {
  zstash,
  "zstash/decode": decode,
  "zstash/browser": browser,
  // What else it has is the SDK's own; the class takes the SDK's options, which are not refused.
  "zstash/redis": {},
  "zstash/upstash": upstash,
  "zstash/store": store,
  "zstash/serve": serving,
  "zstash/next": next,
  "zstash/metrics": metrics,
  "zstash/train": train,
  "zstash/dictionaries": dictionaries,
  "zstash/dev": dev,
  "zstash/bokuweb": engines,
};

/** What hosts call with objects of theirs, to which their next version may add. */
const byHosts: ReadonlySet<string> = new Set(["zstash/next UseCacheHandler.updateTags"]);

const functionsOf = (object: object): string[] =>
  Object.entries(object).flatMap(([name, value]) => (typeof value === "function" ? [name] : []));
const all = [...subpaths()].flatMap(([subpath, entry]) =>
  publicFunctions(subpath, entry, functionsOf(modules[subpath] ?? {})),
);

/** What the call throws or is rejected with; undefined where it is neither. */
async function errorOf(call: Call, options: object | undefined): Promise<unknown> {
  try {
    await call(options);
    return undefined;
  } catch (error) {
    return error;
  }
}

/** The message of the TypeError that refuses options. */
async function refusal(call: Call, options: object | undefined): Promise<string> {
  sent = 0;
  const error = await errorOf(call, options);
  expect(error).toBeInstanceOf(TypeError);
  expect(sent, "requests of a call with a wrong option").toBe(0);
  return (error as TypeError).message;
}

/** The options of a walk with others at a place in them. */
function placed({ base = {} }: Walked, { at }: Options, others: object): object {
  const within = (names: readonly string[]): object => {
    const [name, ...deeper] = names;
    return name === undefined ? others : { [name]: { ...nestedBases[name], ...within(deeper) } };
  };
  return { ...base, ...within(at) };
}

const rows = all.flatMap(({ name, options }) => {
  const walk = walked[name];
  if (walk === undefined) return [];
  return options.map((one) => [[name, ...one.at].join(", "), walk, one] as const);
});

describe("the walk", () => {
  test("goes over every module of package.json", () => {
    expect([...subpaths().keys()].sort()).toEqual(Object.keys(modules).sort());
  });

  test("leaves out no public function that takes options", () => {
    const taking = all
      .filter(({ name, options }) => options.length > 0 && !byHosts.has(name))
      .map(({ name }) => name);
    expect(taking.sort()).toEqual(Object.keys(walked).sort());
  });

  test("knows the methods that objects have at run time", () => {
    const objects: Readonly<Record<string, object>> = {
      "zstash Zstd": zstd,
      "zstash/decode Decoder": decoder,
      "zstash/store Store": values,
      "zstash/next UseCacheHandler": next.createUseCacheHandler(endpoint),
      "zstash/metrics Metrics": metrics.createMetrics(),
      "zstash/dictionaries DictionaryManager": manager,
      "zstash/dev DevServer": server,
      "zstash/upstash KeyvCompression": upstash.keyvCompression(zstd),
      "zstash/upstash CompressingRequester": upstash.createRequester(endpoint),
    };
    const found = Object.entries(objects).flatMap(([name, object]) =>
      functionsOf(object).map((method) => `${name}.${method}`),
    );
    // The methods of an engine take settings, which the codec has checked.
    const methods = all.map(({ name }) => name).filter((name) => /^(?!zstash\/bokuweb ).*\./.test(name));
    expect(found.sort()).toEqual(methods.sort());
  });

  test("goes into nested options", () => {
    const nested = rows.flatMap(([what]) => (what.includes(", ") ? [what] : []));
    expect(nested).toEqual(
      expect.arrayContaining([
        "zstash Zstd.compress, parameters",
        "zstash/upstash withCompression, policy",
        "zstash/upstash createRequester, compression",
        "zstash/upstash createRequester, compression, policy",
        "zstash/upstash createRequester, retry",
        "zstash/store createStore, retry",
        "zstash/store Store.put, layout",
      ]),
    );
  });
});

/** What people write who know another library or another spelling. */
const meant: readonly (readonly [written: string, meant: string])[] = [
  ["ex", "ttl"],
  ["TTL", "ttl"],
  ["levl", "level"],
  ["retries", "retry"],
];

describe.each(rows)("%s", (_, walk, options) => {
  const { at, names } = options;
  const wrong = (name: string): object => placed(walk, options, { [name]: 1 });

  test("takes what it knows", async () => {
    expect(await errorOf(walk.call, placed(walk, options, {}))).not.toBeInstanceOf(TypeError);
  });

  test("refuses an unknown name and lists the names that it knows", async () => {
    const message = await refusal(walk.call, wrong("nonesuchOfThem"));
    expect(message).toContain(`"${[...at.slice(-1), "nonesuchOfThem"].join(".")}" is not an option`);
    const [, listed = ""] = /the options are (.*)$/.exec(message) ?? [];
    expect(listed.split(", ").sort()).toEqual([...names].sort());
  });

  test("refuses a name that is misspelt, and says which it may have been", async () => {
    for (const name of names) {
      expect(await refusal(walk.call, wrong(`${name}s`))).toContain(`did you mean "${name}"?`);
      expect(await refusal(walk.call, wrong(name.toUpperCase()))).toContain(`did you mean "${name}"?`);
    }
  });

  test.each(meant.filter(([written, name]) => names.includes(name) && !names.includes(written)))(
    "says for %s that %s was meant",
    async (written, name) => {
      expect(await refusal(walk.call, wrong(written))).toContain(`did you mean "${name}"?`);
    },
  );

  test.runIf(at.length === 0)("refuses what is no object", async () => {
    for (const other of [null, 3, "text", true]) {
      expect(await refusal(walk.call, other as unknown as object)).toMatch(/must be (a plain|an) object/);
    }
  });
});

test.each(Object.entries(coding("peer", () => peer)))(
  "another engine changes nothing: %s",
  async (_, walk) => {
    const options = { ...walk.base, levl: 1 };
    expect(await refusal(walk.call, options)).toMatch(/"levl" is not an option/);
  },
);
