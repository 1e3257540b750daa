/** Puts, gets and deletes at random against a server that comes and goes, and a judge of every outcome. */
import { ZstashError } from "../../../src/errors.ts";
import type { Layout, PutOptions, Store } from "../../../src/store/index.ts";
import type { Random } from "../random.ts";
import { KeyModel, type Content, type Writing } from "./model.ts";
import { collect, sourceOf } from "./in-process.ts";
import { identify, makeValue, type ValueShape } from "./values.ts";

export interface ChaosOptions {
  readonly random: Random;
  /** Stores with different pieces, all through the proxy. */
  readonly stores: readonly Store[];
  readonly keys: number;
  readonly puts: number;
  readonly gets: number;
  readonly workers: number;
  readonly late: boolean;
  /** Told of the keys before it begins. */
  readonly onModels: (models: readonly KeyModel[]) => void;
  /** Called after every operation with how many there were. */
  readonly onOperation: (count: number) => Promise<void>;
}

export interface ChaosResult {
  readonly models: readonly KeyModel[];
  readonly counts: ReadonlyMap<string, number>;
  /** What must not be. */
  readonly wrong: readonly string[];
}

const layouts: readonly Layout[] = [
  "ramp",
  "ramp",
  { flushSize: 4096 },
  { frameSize: 16_384 },
  { mtu: 1500 },
];
const codes: readonly string[] = ["REDIS", "TRUNCATED", "TIMEOUT", "VALUE_CHANGED"];
/** What was sent before an error reaches the server within this time, where nothing keeps it back. */
const SETTLE_MS = 25;
const REASON = new Error("given up");

export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const { random, stores, keys, puts, gets, workers, late, onOperation } = options;
  const models = Array.from({ length: keys }, (_, index) => new KeyModel(`chaos:${index}`, late));
  options.onModels(models);
  const counts = new Map<string, number>();
  const wrong: string[] = [];
  const count = (what: string): void => void counts.set(what, (counts.get(what) ?? 0) + 1);
  const left = { put: puts, get: gets };
  let operations = 0;

  function named(what: string, error: unknown): void {
    const code = error instanceof ZstashError ? error.code : undefined;
    count(`${what} ${error === REASON ? "aborted" : (code ?? "unnamed")}`);
    if (error === REASON) return;
    if (code === undefined || !codes.includes(code)) wrong.push(`${what}: ${String(error)}`);
    else if ((error as ZstashError).key === undefined) wrong.push(`${what}: no key: ${String(error)}`);
  }

  /** The signal of one operation out of twelve is aborted on its way. */
  function signal(): { readonly signal?: AbortSignal } {
    if (random.below(12) > 0) return {};
    const controller = new AbortController();
    setTimeout(() => controller.abort(REASON), random.below(30));
    return { signal: controller.signal };
  }

  async function put(model: KeyModel): Promise<void> {
    const ttl = random.below(2) === 0 ? undefined : 0;
    const known = [...model.possible];
    const writing = model.next(ttl);
    // Each version has a time to live of its own, so that it tells whether value and time belong together.
    const seconds = ttl === undefined ? undefined : 10_000 + 1000 * (writing.version % 90);
    const content: Writing = { ...writing, ttl: seconds === undefined ? undefined : seconds * 1000 };
    const ifAbsent = random.below(6) === 0;
    const large = random.below(25) === 0;
    const size = large ? 1_100_000 + random.below(200_000) : random.logUniform(200, 300_000);
    const shape: ValueShape = random.below(3) === 0 || large ? "noise" : "lines";
    const value = makeValue({ name: model.name, version: writing.version, shape, size });
    const given: PutOptions = {
      layout: random.pick(layouts),
      ...(seconds === undefined ? {} : { ttl: seconds }),
      ...(ifAbsent ? { ifAbsent } : {}),
      ...signal(),
    };
    model.begin(content);
    try {
      const store = random.pick(stores);
      const source = random.below(3) === 0 ? sourceOf(value).stream : value;
      const result = await store.put(model.name, source, given);
      count(result === null ? "put null" : "put stored");
      if (result !== null && result.size !== size) wrong.push(`put: size ${result.size} of ${size}`);
      if (!ifAbsent) return model.done(content);
      const absent = known.every((one) => one === undefined);
      const present = known.every((one) => one !== undefined);
      if (result === null && absent) wrong.push(`${model.name}: null where there is nothing`);
      if (result !== null && present && !late && !model.lostMeanwhile)
        wrong.push(`${model.name}: stored over a value`);
      if (result === null && !model.lostMeanwhile) model.refused(content);
      else if (result !== null) model.done(content);
    } catch (error) {
      named("put", error);
      await sleep(SETTLE_MS);
    }
  }

  async function remove(model: KeyModel): Promise<void> {
    model.begin(undefined);
    try {
      await random.pick(stores).delete(model.name);
      count("deleted");
      model.done(undefined);
    } catch (error) {
      named("delete", error);
      await sleep(SETTLE_MS);
    }
  }

  async function get(model: KeyModel): Promise<void> {
    const watch = model.watch();
    const store = random.pick(stores);
    const kind = random.below(8);
    try {
      if (kind === 0) {
        const stat = await store.stat(model.name, signal());
        count(stat === null ? "stat null" : "stat");
      } else if (kind === 1) {
        const stream = await store.get(model.name, signal());
        const reader = stream?.getReader();
        await reader?.read();
        await reader?.cancel();
        count("get cancelled");
      } else {
        const given = signal();
        const stream =
          kind === 2
            ? await store.getRange(model.name, 0, undefined, given)
            : await store.get(model.name, given);
        const bytes = stream === null ? undefined : await collect(stream);
        count(bytes === undefined ? "get null" : "get whole");
        judge(model, bytes, watch.allowed, "get");
      }
    } catch (error) {
      named("get", error);
      if (error instanceof ZstashError && error.code === "VALUE_CHANGED" && watch.steady && !late) {
        wrong.push(`${model.name}: VALUE_CHANGED where nothing was written`);
      }
    } finally {
      watch.end();
    }
  }

  function judge(
    model: KeyModel,
    bytes: Uint8Array | undefined,
    allowed: ReadonlySet<Content>,
    what: string,
  ): void {
    const found = bytes === undefined ? undefined : identify(bytes);
    if (bytes !== undefined && found?.name !== model.name) {
      wrong.push(`${what} ${model.name}: ${bytes.length} bytes are no value`);
    } else if (![...allowed].some((one) => one?.version === found?.version)) {
      const versions = [...allowed].map((one) => one?.version ?? "none").join(", ");
      wrong.push(`${what} ${model.name}: version ${found?.version ?? "none"}, allowed ${versions}`);
    }
  }

  async function work(): Promise<void> {
    while (left.put + left.get > 0) {
      const writes = random.below(left.put + left.get) < left.put;
      const model = random.pick(models);
      if (!writes) {
        left.get -= 1;
        await get(model);
      } else {
        if (model.busy) {
          await sleep(1);
          continue;
        }
        model.busy = true;
        left.put -= 1;
        await (random.below(12) === 0 ? remove(model) : put(model));
        model.busy = false;
      }
      operations += 1;
      await onOperation(operations);
    }
  }

  await Promise.all(Array.from({ length: workers }, work));
  return { models, counts, wrong };
}

/** Faults of the values that lie under the keys in the end. */
export async function judgeKeys(
  models: readonly KeyModel[],
  read: (key: string) => Promise<{ readonly bytes: Uint8Array | null; readonly ttl: number }>,
  elapsed: number,
): Promise<string[]> {
  const wrong: string[] = [];
  for (const { name, possible } of models) {
    const { bytes, ttl } = await read(name);
    const found = bytes === null ? undefined : identify(bytes);
    if (bytes !== null && found?.name !== name) {
      wrong.push(`${name}: ${bytes.length} bytes are no value`);
      continue;
    }
    const match = [...possible].find((one) => one?.version === found?.version);
    if (match === undefined && bytes !== null) wrong.push(`${name}: version ${found?.version} in the end`);
    if (bytes === null && !possible.has(undefined)) wrong.push(`${name}: nothing in the end`);
    if (match === undefined) continue;
    const right = match.ttl === undefined ? ttl === -1 : ttl <= match.ttl && ttl > match.ttl - elapsed;
    if (!right) wrong.push(`${name}: TTL ${ttl} for ${match.ttl}`);
  }
  return wrong;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
