/** Operations of a store whose requests fail one after the other, and what each of them must have done. */
import type { Layout, Store } from "../../../src/store/index.ts";
import { collect, sourceOf } from "./in-process.ts";
import { identify, makeValue, type ValueIdentity, type ValueShape } from "./values.ts";

/** Old values are version 1, new ones version 2. */
export const OLD = 1;
export const NEW = 2;

export interface StoreOperation {
  readonly name: string;
  /** A piece of this many bytes; undefined leaves the defaults. */
  readonly pieceSize: number | undefined;
  /** True if the key holds the old value before. */
  readonly before: "old" | "absent";
  /** What lies there after a success: a version, or nothing. */
  readonly after: typeof OLD | typeof NEW | "absent";
  /** Milliseconds to live of the new value. */
  readonly ttl: number | undefined;
  /** Layout of the old value. */
  readonly layout?: Layout;
  readonly size: number;
  readonly shape: ValueShape;
  /** True if each of its requests may be sent again, or can be asked after. */
  readonly repeatable: boolean;
  /** Runs it and says what came, in words that can be compared. */
  run(store: Store, key: string): Promise<string>;
}

export function identityOf(operation: StoreOperation, version: number): ValueIdentity {
  const { name, size, shape } = operation;
  return { name: name.replaceAll(" ", "-"), version, shape, size: size + version };
}

type Part = Partial<StoreOperation> & Pick<StoreOperation, "name" | "run">;

function operation(part: Part): StoreOperation {
  return {
    pieceSize: undefined,
    before: "old",
    after: OLD,
    ttl: undefined,
    size: 3000,
    shape: "noise",
    repeatable: true,
    ...part,
  };
}

interface PutPart extends Partial<StoreOperation> {
  readonly name: string;
  readonly seconds?: number;
  readonly put?: Layout;
  readonly ifAbsent?: boolean;
  readonly stream?: boolean;
}

function putting({ seconds, put: layout, ifAbsent, stream, ...part }: PutPart): StoreOperation {
  const it: StoreOperation = operation({
    after: NEW,
    ttl: seconds === undefined ? undefined : seconds * 1000,
    ...part,
    async run(store, key) {
      const value = makeValue(identityOf(it, NEW));
      const options = {
        ...(seconds === undefined ? {} : { ttl: seconds }),
        ...(layout === undefined ? {} : { layout }),
        ...(ifAbsent === undefined ? {} : { ifAbsent }),
      };
      const result = await store.put(key, stream === true ? sourceOf(value).stream : value, options);
      return result === null ? "null" : `stored ${result.size}`;
    },
  });
  return it;
}

const LARGE = { size: 70_000, pieceSize: 16_384 };

function reading(
  part: Omit<Part, "run">,
  read: (store: Store, key: string) => Promise<Uint8Array>,
): StoreOperation {
  return operation({
    ...part,
    run: async (store, key) => {
      const bytes = await read(store, key);
      const found = identify(bytes);
      return found === undefined
        ? `${bytes.length} bytes: ${Buffer.from(bytes).toString("latin1")}`
        : `version ${found.version}`;
    },
  });
}

export const operations: readonly StoreOperation[] = [
  putting({ name: "put small" }),
  putting({ name: "put small with ttl", seconds: 500 }),
  putting({ name: "put small stream", stream: true, seconds: 500 }),
  putting({ name: "put small if absent", ifAbsent: true, seconds: 500, before: "absent" }),
  putting({ name: "put small if absent, present", ifAbsent: true, seconds: 500, after: OLD }),
  putting({ name: "put large", ...LARGE }),
  putting({ name: "put large with ttl", ...LARGE, seconds: 500 }),
  putting({ name: "put large stream", ...LARGE, stream: true }),
  putting({ name: "put large if absent", ...LARGE, ifAbsent: true, seconds: 500, before: "absent" }),
  putting({ name: "put large if absent, present", ...LARGE, ifAbsent: true, after: OLD }),
  putting({ name: "put large flushSize", ...LARGE, put: { flushSize: 4000 } }),
  putting({ name: "put large frameSize", ...LARGE, put: { frameSize: 8192 }, stream: true, seconds: 500 }),
  putting({ name: "put large mtu", ...LARGE, put: { mtu: 1500 } }),
  putting({ name: "put by defaults", size: 1_400_000 }),
  operation({
    name: "delete",
    after: "absent",
    repeatable: false,
    run: async (store, key) => `${await store.delete(key)}`,
  }),
  reading({ name: "get" }, async (store, key) => collect((await store.get(key))!)),
  reading({ name: "get of 200 KB", size: 200_000 }, async (store, key) => collect((await store.get(key))!)),
  reading({ name: "get by pieces", ...LARGE }, async (store, key) => collect((await store.get(key))!)),
  reading({ name: "get by pieces of frames", ...LARGE, layout: { frameSize: 8192 } }, async (store, key) =>
    collect((await store.get(key))!),
  ),
  reading({ name: "getRange of frames", ...LARGE, layout: { frameSize: 8192 } }, async (store, key) =>
    collect((await store.getRange(key, 30_000, 30_040))!),
  ),
  reading({ name: "getRange of a frame", ...LARGE }, async (store, key) =>
    collect((await store.getRange(key, 30_000, 30_040))!),
  ),
  reading({ name: "getCompressed", size: 20_000 }, async (store, key) =>
    collect((await store.getCompressed(key))!),
  ),
  operation({ name: "stat", run: async (store, key) => JSON.stringify(await store.stat(key)) }),
];
