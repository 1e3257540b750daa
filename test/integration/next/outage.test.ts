/** Many requests of one server of Next.js whose Redis falls silent, refuses, and comes back: each waits once, one tries, one is told. */
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createDevServer, type DevServer } from "../../../src/dev/index.ts";
import {
  createCacheHandler,
  createUseCacheHandler,
  type CacheHandlerOptions,
  type PageCacheHandler,
  type UseCacheEntry,
  type UseCacheHandler,
} from "../../../src/next/index.ts";

const token = "outage";
const readOnlyToken = "outage-read";
/** How long a request may be silent where that is what is tested: what is answered is answered within, on a busy machine too. */
const TIMEOUT = 6000;
/** The pause without a time-out, and a little more. */
const PAUSE = 1100;
const COMPANY = 50;

/** What lies between the handlers and Redis: it lets everything pass, accepts all and answers nothing, or ends what comes. */
class Line {
  state: "open" | "silent" | "broken" = "open";
  url = "";
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;

  constructor(target: number) {
    this.#server = createServer((socket) => {
      this.#keep(socket);
      if (this.state === "broken") return void socket.destroy();
      const onward = connect(target, "127.0.0.1");
      this.#keep(onward);
      // What passes is looked at for each chunk, so that connections which stand fall silent too, or break.
      const pass = (to: Socket) => (chunk: Uint8Array) => {
        if (this.state === "open") to.write(chunk);
        else if (this.state === "broken") socket.destroy();
      };
      socket.on("data", pass(onward));
      onward.on("data", pass(socket));
      onward.on("close", () => socket.destroy());
      socket.on("close", () => onward.destroy());
    });
  }

  async open(): Promise<this> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return this;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => this.#sockets.delete(socket));
  }
}

let server: DevServer;
let direct: string;
beforeAll(async () => {
  server = await createDevServer({ backend: "embedded", token, readOnlyToken });
  direct = (await server.listen()).url;
});
afterAll(() => server.close());

/** The tests wait at the same time: each has a line of its own, and counts what goes over it. */
class Rig {
  readonly line: Line;
  readonly #prefix = `${crypto.randomUUID()}:`;
  readonly #begin = performance.now();
  asked = 0;
  /** What requests wait for before they go out. */
  gate: Promise<void> | undefined = undefined;
  readonly errors: unknown[] = [];

  constructor(line: Line) {
    this.line = line;
  }

  options(given: CacheHandlerOptions = {}): CacheHandlerOptions {
    return {
      url: this.line.url,
      token,
      timeout: 0,
      retry: false,
      prefix: this.#prefix,
      onError: (error) => this.errors.push(error),
      fetch: async (input, init) => {
        this.asked += 1;
        await this.gate;
        return fetch(input, init);
      },
      ...given,
    };
  }

  pages(given?: CacheHandlerOptions): PageCacheHandler {
    return new (createCacheHandler(this.options(given)))();
  }

  functions(given?: CacheHandlerOptions): UseCacheHandler {
    return createUseCacheHandler(this.options(given));
  }

  /** The most errors that there may be: one in the time of a pause, here of a second. */
  few(): number {
    return 1 + (performance.now() - this.#begin) / 1000;
  }

  codes(): unknown[] {
    return this.errors.map((error) => (error as { code?: unknown }).code);
  }
}

/** Runs a test with a line of its own. */
const overLine = (work: (rig: Rig) => Promise<void>) => async (): Promise<void> => {
  const line = await new Line(Number(new URL(direct).port)).open();
  try {
    await work(new Rig(line));
  } finally {
    line.close();
  }
};

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const times = <T>(work: (at: number) => T): T[] => Array.from({ length: COMPANY }, (_, at) => work(at));

const entryOf = (given: Partial<UseCacheEntry> = {}): UseCacheEntry => ({
  value: new Response("text").body!,
  tags: [],
  stale: 300,
  timestamp: performance.timeOrigin + performance.now(),
  expire: 3600,
  revalidate: 900,
  ...given,
});

/** The two handlers, each with a question of its kind. */
const kinds: readonly { name: string; create: (rig: Rig, given?: CacheHandlerOptions) => Asking }[] = [
  { name: "cacheHandler", create: (rig, given) => ofPages(rig.pages(given)) },
  { name: "cacheHandlers", create: (rig, given) => ofFunctions(rig.functions(given)) },
];
interface Asking {
  /** Returns whether the entry is there. */
  has(key: string): Promise<boolean>;
  keep(key: string): Promise<void>;
}
const ofPages = (handler: PageCacheHandler): Asking => ({
  has: async (key) => (await handler.get(key)) !== null,
  keep: (key) => handler.set(key, { revalidate: 60 }),
});
const ofFunctions = (handler: UseCacheHandler): Asking => ({
  has: async (key) => (await handler.get(key, [])) !== undefined,
  keep: (key) => handler.set(key, Promise.resolve(entryOf())),
});

describe.concurrent("50 requests at once of a Redis that accepts and does not answer", () => {
  test.each(kinds)("each wait once, are told of once, and have it when it is back: $name", ({ create }) =>
    overLine(async (rig) => {
      const cache = create(rig, { timeout: TIMEOUT });
      await cache.keep("kept");
      expect(await Promise.all(times(() => cache.has("kept")))).toEqual(times(() => true));
      expect(rig.errors).toEqual([]);

      rig.line.state = "silent";
      rig.asked = 0;
      expect(await Promise.all(times(() => cache.has("kept")))).toEqual(times(() => false));
      // A pause: nobody asks, nobody is told.
      await Promise.all(times(async (at) => [await cache.has("kept"), await cache.keep(`new ${at}`)]));
      expect([rig.asked, rig.codes()]).toEqual([COMPANY, ["TIMEOUT"]]);

      rig.line.state = "open";
      await pause(2 * TIMEOUT + 50);
      const first = await Promise.all(times(() => cache.has("kept")));
      expect(first.filter(Boolean)).toHaveLength(1);
      expect(await Promise.all(times(() => cache.has("kept")))).toEqual(times(() => true));
      await cache.keep("later");
      expect([await cache.has("later"), rig.errors.length]).toEqual([true, 1]);
    })(),
  );
});

describe.each(kinds)("50 requests at once on a server with $name", ({ create }) => {
  test(
    "go on while one tries, as long as Redis is away, and all ask when it is back",
    overLine(async (rig) => {
      const cache = create(rig);
      await Promise.all(times((at) => cache.keep(`key ${at}`)));
      rig.line.state = "broken";
      await Promise.all(times((at) => cache.has(`key ${at}`)));
      expect(rig.codes()).toEqual(["REDIS"]);
      for (const told of [2, 3]) {
        await pause(PAUSE);
        rig.asked = 0;
        let open: (() => void) | undefined;
        rig.gate = new Promise((resolve) => (open = resolve));
        const trial = cache.has("key 0");
        expect(await Promise.all(times((at) => cache.has(`key ${at}`)))).toEqual(times(() => false));
        expect([rig.asked, rig.errors.length]).toEqual([1, told - 1]);
        open!();
        expect([await trial, rig.errors.length]).toEqual([false, told]);
      }
      rig.line.state = "open";
      await pause(PAUSE);
      // A write may be what tries.
      await cache.keep("written");
      expect(await Promise.all(times((at) => cache.has(`key ${at}`)))).toEqual(times(() => true));
      expect([await cache.has("written"), rig.errors.length]).toEqual([true, 3]);
    }),
  );

  test(
    "may be under way when it goes",
    overLine(async (rig) => {
      const cache = create(rig);
      await Promise.all(times((at) => cache.keep(`key ${at}`)));
      const early = times((at) => cache.has(`key ${at}`));
      await pause(1);
      rig.line.state = "broken";
      const late = times((at) => cache.keep(`key ${at}`));
      await Promise.all([...early, ...late]);
      expect(new Set(rig.codes())).toEqual(new Set(["REDIS"]));
      expect(rig.errors.length).toBeLessThanOrEqual(rig.few());
    }),
  );
});

describe("a pause", () => {
  test(
    "ends though the request that tried has gone away without an end, as on Workers",
    overLine(async (rig) => {
      const pages = rig.pages();
      await pages.set("kept", {});
      rig.line.state = "broken";
      expect(await pages.get("kept")).toBeNull();
      rig.line.state = "open";
      await pause(PAUSE);
      rig.asked = 0;
      rig.gate = new Promise(() => undefined);
      void pages.get("kept");
      expect(await Promise.all(times(() => pages.get("kept")))).toEqual(times(() => null));
      expect([rig.asked, rig.errors.length]).toEqual([1, 1]);
      rig.gate = undefined;
      await pause(PAUSE);
      expect(await pages.get("kept")).not.toBeNull();
    }),
  );

  test(
    "begins with a refused token, which is told once",
    overLine(async (rig) => {
      const pages = rig.pages({ token: "wrong" });
      expect(await pages.get("page")).toBeNull();
      await Promise.all(times((at) => pages.get(`page ${at}`)));
      expect([rig.codes(), rig.asked]).toEqual([["REDIS"], 1]);
    }),
  );

  test(
    "does not begin with a page that is too large for the server",
    overLine(async (rig) => {
      const pages = rig.pages({
        fetch: (input, init) => {
          const size = (init?.body as { length?: number } | undefined)?.length ?? 0;
          if (size > 1000) return Promise.resolve(new Response("too large", { status: 413 }));
          return fetch(input, init);
        },
      });
      await pages.set("small", {});
      const random = Array.from(crypto.getRandomValues(new Uint32Array(2000))).join(" ");
      await pages.set("large", { headers: { random } });
      expect(rig.codes()).toHaveLength(1);
      expect(await pages.get("small")).not.toBeNull();
      expect(await pages.get("large")).toBeNull();
    }),
  );

  test(
    "does not begin with what Redis refuses, which is told once for all that is written",
    overLine(async (rig) => {
      const pages = rig.pages({ token: readOnlyToken });
      await Promise.all(times((at) => pages.set(`page ${at}`, {})));
      expect(new Set(rig.codes())).toEqual(new Set(["REDIS"]));
      expect(rig.errors.length).toBeLessThanOrEqual(rig.few());
      await rig.pages().set("page", {});
      expect(await pages.get("page")).not.toBeNull();
    }),
  );

  test(
    "is not ended by a function that fails, and its failure is nobody's",
    overLine(async (rig) => {
      const functions = rig.functions();
      rig.line.state = "broken";
      expect(await functions.get("key", [])).toBeUndefined();
      await pause(PAUSE);
      const value = new ReadableStream<Uint8Array>({
        pull: (controller) => controller.error(new Error("render")),
      });
      await functions.set("key", Promise.resolve(entryOf({ value })));
      rig.asked = 0;
      await Promise.all(times(() => functions.get("key", [])));
      expect([rig.asked, rig.codes()]).toEqual([1, ["REDIS", "REDIS"]]);
    }),
  );

  test(
    "ends waiting for an entry that this server still makes, because it will not be kept",
    overLine(async (rig) => {
      const functions = rig.functions();
      let give: ((entry: UseCacheEntry) => void) | undefined;
      const writing = functions.set("made", new Promise((resolve) => (give = resolve)));
      let found = false;
      const reading = functions.get("made", []).then(() => (found = true));
      await pause(50);
      expect(found).toBe(false);
      rig.line.state = "broken";
      await functions.get("other", []);
      await reading;
      expect(rig.codes()).toEqual(["REDIS"]);
      give!(entryOf());
      await writing;
    }),
  );

  test(
    "does not wait for the other half of what is not kept, which the page reads when it likes",
    overLine(async (rig) => {
      const functions = rig.functions();
      rig.line.state = "broken";
      await functions.get("key", []);
      let isOpen = true;
      const endless = new ReadableStream<Uint8Array>({
        pull: async (controller) => {
          await pause(5);
          if (isOpen) controller.enqueue(new Uint8Array(10));
          else controller.close();
        },
      });
      const [shown, value] = endless.tee();
      await functions.set("key", Promise.resolve(entryOf({ value })));
      isOpen = false;
      await shown.cancel();
    }),
  );
});
