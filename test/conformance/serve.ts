/** Responses made of stored values: the same bytes, headers and statuses on every runtime. */
import type { Case, Context } from "./case.ts";
import { equal, fail } from "./case.ts";
import { concat, jsonBytes } from "./data.ts";
import { drain } from "./pipe.ts";
import { rejection, upstashCase } from "./upstash-case.ts";

/** Needs what serves; the context of an engine alone has it not. */
type Serving = NonNullable<Context["serving"]>;

function serveCase(name: string, run: (context: Context, serving: Serving) => Promise<void>): Case {
  return {
    name: `serve: ${name}`,
    needs: ["serve"],
    async run(context) {
      if (context.serving === undefined) return fail("the context does not serve");
      await run(context, context.serving);
    },
  };
}

const content = jsonBytes(3, 300_000);

/** A request as a server has it: a browser's own drops the headers that are its business. */
function requestOf(headers: Readonly<Record<string, string>> = {}, method = "GET"): Request {
  const { signal } = new AbortController();
  return { method, url: "http://localhost/value", headers: new Headers(headers), signal } as Request;
}

const zstdOnly = { "accept-encoding": "zstd" };

async function bytesOf(response: Response): Promise<Uint8Array> {
  return new Uint8Array(await response.arrayBuffer());
}

/** The body of a response whose coding is zstd, as the codec decodes it; of any other as it is. */
async function contentOf({ zstd }: Context, response: Response): Promise<Uint8Array> {
  const body = await bytesOf(response);
  return response.headers.get("content-encoding") === "zstd" ? zstd.decompress(body) : body;
}

function chunksOf(bytes: Uint8Array, size: number): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(at, (at += size)));
    },
  });
}

function expectHeader(response: Response, name: string, value: string | null): void {
  equal(response.headers.get(name), value, name);
}

async function isEmpty(response: Response, status: number): Promise<void> {
  equal(response.status, status, "the status");
  equal((await bytesOf(response)).length, 0, "bytes of the body");
}

export const serving: readonly Case[] = [
  serveCase("a frame goes untouched to who takes zstd, and decoded to others", async (context, { serve }) => {
    const frame = context.zstd.compress(content);
    const passed = await serve(requestOf(zstdOnly), frame, { headers: { "content-type": "text/x" } });
    expectHeader(passed, "content-encoding", "zstd");
    expectHeader(passed, "content-length", `${frame.length}`);
    expectHeader(passed, "content-type", "text/x");
    expectHeader(passed, "vary", "Accept-Encoding");
    expectHeader(passed, "cache-control", "no-transform");
    equal(await bytesOf(passed), frame, "the frame");
    for (const accept of ["", "gzip, br", "zstd;q=0", "identity, zstd;q=0.5", "zstd;q=2"]) {
      const response = await serve(requestOf({ "accept-encoding": accept }), frame);
      expectHeader(response, "content-encoding", null);
      expectHeader(response, "content-length", `${content.length}`);
      equal(await bytesOf(response), content, accept);
    }
  }),
  serveCase("streams in chunks of any size", async (context, { serve }) => {
    const frame = context.zstd.compress(content);
    for (const size of [1, 17, 4096, frame.length]) {
      const small = size === 1 ? context.zstd.compress(content.subarray(0, 900)) : frame;
      const expected = size === 1 ? content.subarray(0, 900) : content;
      for (const headers of [{}, zstdOnly]) {
        const response = await serve(requestOf(headers), chunksOf(small, size));
        equal(await contentOf(context, response), expected, `chunks of ${size}`);
      }
    }
  }),
  serveCase("several frames become one for who takes zstd", async (context, { serve }) => {
    const frames = concat(
      context.zstd.compress(content.subarray(0, 1000)),
      context.zstd.compress(content.subarray(1000)),
    );
    const response = await serve(requestOf(zstdOnly), frames);
    expectHeader(response, "content-encoding", "zstd");
    const body = await bytesOf(response);
    if (context.readFrameHeader(body).windowSize > 8 << 20) fail("its window is over 8 MiB");
    equal(context.zstd.decompress(body), content, "the content");
  }),
  serveCase("ranges, conditions, HEAD and refusals", async (context, { serve }) => {
    const frame = context.zstd.compress(content);
    const ask = (headers: Readonly<Record<string, string>>, method?: string): Promise<Response> =>
      serve(requestOf(headers, method), frame);
    const part = await ask({ range: "bytes=1000-1999" });
    equal(part.status, 206, "the status");
    expectHeader(part, "content-range", `bytes 1000-1999/${content.length}`);
    equal(await bytesOf(part), content.subarray(1000, 2000), "the range");
    await isEmpty(await ask({ range: `bytes=${content.length}-` }), 416);
    await isEmpty(await ask({ "accept-encoding": "identity;q=0" }), 406);
    await isEmpty(await ask({}, "POST"), 405);
    const tags = await Promise.all(
      [{}, zstdOnly].map(async (headers) => {
        const head = await ask(headers, "HEAD");
        await isEmpty(head, 200);
        const etag = head.headers.get("etag") ?? fail("there is no tag");
        await isEmpty(await ask({ ...headers, "if-none-match": etag }), 304);
        await isEmpty(await ask({ ...headers, "if-match": '"other"' }), 412);
        return etag;
      }),
    );
    if (tags[0] === tags[1]) fail("both codings have the same tag");
  }),
  serveCase("what is broken is never the whole of a body", async (context, { serve }) => {
    const frame = context.zstd.compress(content);
    const cut = frame.subarray(0, frame.length - 20);
    for (const headers of [{}, zstdOnly]) {
      const error = await rejection("cut bytes", serve(requestOf(headers), cut));
      equal((error as { code?: unknown }).code, "TRUNCATED", "cut bytes");
      const response = await serve(requestOf(headers), chunksOf(cut, 5000));
      const { error: later } = await drain(response.body!);
      equal((later as { code?: unknown } | undefined)?.code, "TRUNCATED", "a stream that is cut");
    }
    const damaged = frame.slice();
    damaged[damaged.length - 1]! ^= 1;
    const wrong = await rejection("a wrong checksum", serve(requestOf(), damaged));
    equal((wrong as { code?: unknown }).code, "CHECKSUM_MISMATCH", "a wrong checksum");
  }),
  serveCase("a header cannot be injected", async (context, { serve }) => {
    const frame = context.zstd.compress(content);
    for (const init of [{ etag: '"\r\nx: y' }, { headers: { "content-type": "a\r\nx: y" } }]) {
      const error = await rejection("a line break", serve(requestOf(), frame, init));
      equal((error as Error).name, "TypeError", "a line break");
    }
  }),
  upstashCase("serve: a key of every layout by serveKey", async (scene) => {
    const { context, server } = scene;
    if (context.serving === undefined) return fail("the context does not serve");
    const { serveKey } = context.serving;
    const store = scene.createStore(server);
    for (const layout of ["ramp", { flushSize: 4096 }, { frameSize: 65_536 }, { mtu: 1500 }] as const) {
      await store.put("value", content, { layout });
      const ask = (headers: Readonly<Record<string, string>>, method?: string): Promise<Response> =>
        serveKey(requestOf(headers, method), store, "value", { contentType: (key) => `text/${key}` });
      const passed = await ask(zstdOnly);
      expectHeader(passed, "content-encoding", "zstd");
      expectHeader(passed, "content-type", "text/value");
      equal(await contentOf(context, passed), content, "by zstd");
      equal(await contentOf(context, await ask({})), content, "decoded");
      const part = await ask({ range: "bytes=200000-200999" });
      equal(await bytesOf(part), content.subarray(200_000, 201_000), "a range");
      const etag = passed.headers.get("etag") ?? fail("there is no tag");
      await isEmpty(await ask({ ...zstdOnly, "if-none-match": etag }), 304);
      await isEmpty(await ask({}, "HEAD"), 200);
    }
    await scene.store("value", content);
    const plain = await serveKey(requestOf(zstdOnly), store, "value");
    expectHeader(plain, "content-encoding", null);
    equal(await bytesOf(plain), content, "uncompressed");
    await isEmpty(await serveKey(requestOf(), store, "none"), 404);
  }),
];
