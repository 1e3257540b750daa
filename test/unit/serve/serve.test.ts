/** Responses made of stored values: which bytes go out, and with which headers. */
import { beforeAll, describe, expect, test } from "vitest";
import { loadZstd, type Zstd } from "../../../src/index.ts";
import { serve, type ServeInit } from "../../../src/serve/index.ts";
import { expectBytes } from "../../support/expect-bytes.ts";
import { toTextCarrier } from "../../../src/value/carrier.ts";

const text = JSON.stringify(Array.from({ length: 5000 }, (_, id) => ({ id, name: `name ${id % 97}` })));
const content = new TextEncoder().encode(text);
let zstd: Zstd;
/** Stored forms of the same content. */
let forms: Readonly<Record<string, Uint8Array<ArrayBuffer>>>;

const read = async (stream: ReadableStream<Uint8Array>): Promise<Uint8Array<ArrayBuffer>> =>
  new Uint8Array(await new Response(stream).arrayBuffer());
const streamOf = (bytes: Uint8Array, chunk = 1000): ReadableStream<Uint8Array> => {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(at, (at += chunk)));
    },
  });
};
const join = (...parts: Uint8Array[]): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.concat(parts));

beforeAll(async () => {
  zstd = await loadZstd();
  const through = (stream: { readable: unknown; writable: unknown }): Promise<Uint8Array<ArrayBuffer>> =>
    read(streamOf(content, 65_536).pipeThrough(stream as ReadableWritablePair<Uint8Array, Uint8Array>));
  const unknown = await through(zstd.compressStream());
  // Window_Descriptor, the byte after magic and descriptor: an exponent of 14 is 16 MiB (RFC 8878 §3.1.1.1.2).
  const wide = unknown.slice();
  wide[5] = 14 << 3;
  forms = {
    "one frame": zstd.compress(content),
    "one frame of an unknown size": unknown,
    "several frames": join(zstd.compress(content.subarray(0, 1000)), zstd.compress(content.subarray(1000))),
    "frames with a seek table": await through(zstd.compressStream({ frameSize: 65_536 })),
    "a window of 16 MiB": wide,
    base64: new TextEncoder().encode(toTextCarrier(zstd.compress(content))),
    uncompressed: content.slice(),
  };
});

const request = (headers: Record<string, string> = {}, method = "GET"): Request =>
  new Request("http://localhost/value", { method, headers });
const bytesOf = async (response: Response): Promise<Uint8Array<ArrayBuffer>> =>
  new Uint8Array(await response.arrayBuffer());
/** Node's own fetch decodes; what `serve` makes is not decoded by anyone. */
const isOneFrame = (bytes: Uint8Array): boolean => {
  const again = zstd.decompress(bytes);
  return Buffer.compare(again, content) === 0;
};

const FORMS = [
  "one frame",
  "one frame of an unknown size",
  "several frames",
  "frames with a seek table",
  "base64",
  "uncompressed",
] as const;

describe.each(FORMS)("%s", (name) => {
  const given: Readonly<Record<string, () => Uint8Array | ReadableStream<Uint8Array>>> = {
    bytes: () => forms[name]!,
    "a stream": () => streamOf(forms[name]!),
  };

  test("as bytes, to a client that decodes", async () => {
    const response = await serve(request({ "accept-encoding": "gzip, zstd" }), forms[name]!);
    expect(response.status).toBe(200);
    expect(response.headers.get("vary")).toBe("Accept-Encoding");
    if (name === "uncompressed") {
      expect(response.headers.get("content-encoding")).toBeNull();
      expectBytes(await bytesOf(response), content);
      return;
    }
    expect(response.headers.get("content-encoding")).toBe("zstd");
    expect(response.headers.get("cache-control")).toBe("no-transform");
    const body = await bytesOf(response);
    expect(isOneFrame(body)).toBe(true);
    const untouched = name.startsWith("one frame");
    if (untouched) expectBytes(body, forms[name]!);
    if (untouched) expect(response.headers.get("content-length")).toBe(`${body.length}`);
  });

  test.each(["bytes", "a stream"])("as %s, to a client that does not", async (way) => {
    const response = await serve(request(), given[way]!());
    expect(response.headers.get("content-encoding")).toBeNull();
    expect(response.headers.get("vary")).toBe("Accept-Encoding");
    const length = response.headers.get("content-length");
    if (length !== null) expect(length).toBe(`${content.length}`);
    expectBytes(await bytesOf(response), content);
  });

  test("a range of it", async () => {
    const headers = { range: "bytes=70000-70099", "accept-encoding": "zstd" };
    const response = await serve(request(headers), forms[name]!);
    if (name === "one frame of an unknown size") {
      expect(response.status).toBe(200);
      expect(response.headers.get("accept-ranges")).toBeNull();
      await response.body?.cancel();
      return;
    }
    expect(response.status).toBe(206);
    expect(response.headers.get("content-encoding")).toBeNull();
    expect(response.headers.get("content-range")).toBe(`bytes 70000-70099/${content.length}`);
    expect(response.headers.get("content-length")).toBe("100");
    expectBytes(await bytesOf(response), content.slice(70_000, 70_100));
  });

  test("HEAD has the headers of GET", async () => {
    for (const accept of ["zstd", "identity"]) {
      const headers = { "accept-encoding": accept };
      const head = await serve(request(headers, "HEAD"), forms[name]!);
      const get = await serve(request(headers), forms[name]!);
      expect([...head.headers]).toEqual([...get.headers]);
      expect(head.body).toBeNull();
      await get.body?.cancel();
    }
  });
});

describe("streams", () => {
  test("one frame passes untouched, in the chunks that come", async () => {
    const response = await serve(request({ "accept-encoding": "zstd" }), streamOf(forms["one frame"]!));
    expect(response.headers.get("content-encoding")).toBe("zstd");
    expectBytes(await bytesOf(response), forms["one frame"]!);
  });

  test("several frames are an error for a client that would stop after the first", async () => {
    const late = join(forms["one frame"]!, forms["one frame"]!);
    const response = await serve(request({ "accept-encoding": "zstd" }), streamOf(late));
    await expect(bytesOf(response)).rejects.toMatchObject({ code: "UNSUPPORTED" });
  });

  test("a frame that is cut off errors the body, and never ends it", async () => {
    const cut = forms["one frame"]!.subarray(0, 5000);
    for (const accept of ["zstd", "identity"]) {
      const body = serve(request({ "accept-encoding": accept }), streamOf(cut)).then(bytesOf);
      await expect(body).rejects.toMatchObject({ code: "TRUNCATED" });
    }
  });

  test("a stream of one chunk is known whole: tag, length, ranges", async () => {
    const frame = forms["one frame"]!;
    const whole = (): ReadableStream<Uint8Array> => streamOf(frame, frame.length);
    const response = await serve(request({ range: "bytes=10-19" }), whole());
    expect(response.status).toBe(206);
    expectBytes(await bytesOf(response), content.slice(10, 20));
    const [ofStream, ofBytes] = [await serve(request(), whole()), await serve(request(), frame)];
    expect([...ofStream.headers]).toEqual([...ofBytes.headers]);
    await Promise.all([ofStream.body?.cancel(), ofBytes.body?.cancel()]);
  });

  test("the size of another stream is not known: no length, no ranges, no tag but a given one", async () => {
    const response = await serve(request({ range: "bytes=10-19" }), streamOf(forms["several frames"]!), {
      etag: "v1",
    });
    expect(response.status).toBe(200);
    expect(response.headers.get("content-length")).toBeNull();
    expect(response.headers.get("accept-ranges")).toBeNull();
    expect(response.headers.get("etag")).toBe('"v1"');
    expectBytes(await bytesOf(response), content);
  });

  test.each([
    ["304", { "if-none-match": '"tag"' }, "GET"],
    ["405", {}, "POST"],
    ["406", { "accept-encoding": "*;q=0" }, "GET"],
    ["HEAD", {}, "HEAD"],
    ["412", { "if-match": '"other"' }, "GET"],
  ])("%s leaves the stream", async (_, headers, method) => {
    let cancelled = false;
    const stream = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(forms["one frame"]!.subarray(0, 3000)),
      cancel() {
        cancelled = true;
      },
    });
    const response = await serve(request(headers as Record<string, string>, method), stream, { etag: "tag" });
    expect(response.body).toBeNull();
    await Promise.resolve();
    expect(cancelled).toBe(true);
  });

  /** A stream of the first bytes, whose rest does not come; and whether it was cancelled. */
  const hanging = (): { readonly stream: ReadableStream<Uint8Array>; readonly left: () => boolean } => {
    let cancelled = false;
    const stream = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(forms["one frame"]!.subarray(0, 3000)),
      cancel() {
        cancelled = true;
      },
    });
    return { stream, left: () => cancelled };
  };

  test("a client that goes away before it has read anything ends the reading", async () => {
    const { stream, left } = hanging();
    const response = await serve(request({ "accept-encoding": "zstd" }), stream);
    await response.body!.cancel();
    expect(left()).toBe(true);
  });

  test("a client that goes away before the response begins ends the reading", async () => {
    const { stream, left } = hanging();
    const leaving = new AbortController();
    const response = serve(new Request("http://localhost/", { signal: leaving.signal }), stream);
    setTimeout(() => leaving.abort(), 20);
    await expect(response).rejects.toMatchObject({ name: "AbortError" });
    expect(left()).toBe(true);
  });
});

describe("conditions", () => {
  const answer = (headers: Record<string, string>, init: ServeInit = {}): Promise<Response> =>
    serve(request(headers), forms["one frame"]!, init);
  const tag = async (accept: string): Promise<string> =>
    (await answer({ "accept-encoding": accept })).headers.get("etag")!;

  test("each coding has a strong tag, which differs where the content does", async () => {
    const [identity, encoded] = [await tag("identity"), await tag("zstd")];
    expect(identity).toMatch(/^"[\w-]+"$/);
    expect(encoded).toBe(identity.replace(/"$/, '-zstd"'));
    const other = await serve(request(), zstd.compress(content.subarray(1)));
    expect(other.headers.get("etag")).not.toBe(identity);
    await other.body?.cancel();
    const plain = await serve(request(), content.slice());
    expect(plain.headers.get("etag")).toMatch(/^"[\w-]+"$/);
  });

  test.each([
    ["If-None-Match with the tag", (own: string) => ({ "if-none-match": own }), 304],
    ["with a weak one of it", (own: string) => ({ "if-none-match": `W/${own}` }), 304],
    ["among others", (own: string) => ({ "if-none-match": `"x", ${own}` }), 304],
    ["any", () => ({ "if-none-match": "*" }), 304],
    ["another", () => ({ "if-none-match": '"x"' }), 200],
    ["that of the other coding", (own: string) => ({ "if-none-match": own.replace("-zstd", "") }), 200],
    ["If-Match with the tag", (own: string) => ({ "if-match": own }), 200],
    ["If-Match with a weak one", (own: string) => ({ "if-match": `W/${own}` }), 412],
    ["If-Match with any", () => ({ "if-match": "*" }), 200],
    ["If-Match with another", () => ({ "if-match": '"x"' }), 412],
    ["rubbish", () => ({ "if-none-match": 'tag, "unclosed' }), 200],
  ] as const)("%s", async (_, headers, status) => {
    const own = await tag("zstd");
    const response = await answer({ "accept-encoding": "zstd", ...headers(own) });
    expect(response.status).toBe(status);
    if (status !== 304) return;
    expect(response.headers.get("etag")).toBe(own);
    expect(response.headers.get("content-encoding")).toBeNull();
    expect(response.headers.get("vary")).toBe("Accept-Encoding");
  });

  test.each([
    ["not modified since", { "if-modified-since": "Wed, 02 Jan 2030 00:00:00 GMT" }, 304],
    ["at that very second", { "if-modified-since": "Tue, 01 Jan 2030 00:00:00 GMT" }, 304],
    ["modified since", { "if-modified-since": "Mon, 31 Dec 2029 00:00:00 GMT" }, 200],
    ["no date", { "if-modified-since": "yesterday" }, 200],
    [
      "If-None-Match goes first",
      { "if-none-match": '"x"', "if-modified-since": "Wed, 02 Jan 2030 00:00:00 GMT" },
      200,
    ],
    ["unmodified since", { "if-unmodified-since": "Mon, 31 Dec 2029 00:00:00 GMT" }, 412],
  ] as const)("Last-Modified: %s", async (_, headers, status) => {
    const init = { headers: { "last-modified": "Tue, 01 Jan 2030 00:00:00 GMT" } };
    expect((await answer(headers as Record<string, string>, init)).status).toBe(status);
  });

  test.each([
    ["the tag of the content", (own: string) => own, 206],
    ["that of the other coding", (own: string) => own.replace(/"$/, '-zstd"'), 200],
    ["a weak one", (own: string) => `W/${own}`, 200],
    ["another", () => '"x"', 200],
    ["the date", () => "Tue, 01 Jan 2030 00:00:00 GMT", 206],
    ["another date", () => "Wed, 02 Jan 2030 00:00:00 GMT", 200],
  ] as const)("If-Range with %s", async (_, ifRange, status) => {
    const own = await tag("identity");
    const init = { headers: { "last-modified": "Tue, 01 Jan 2030 00:00:00 GMT" } };
    const response = await answer({ range: "bytes=0-9", "if-range": ifRange(own) }, init);
    expect(response.status).toBe(status);
  });

  test("416 says the size", async () => {
    const response = await answer({ range: "bytes=9999999-" });
    expect(response.status).toBe(416);
    expect(response.headers.get("content-range")).toBe(`bytes */${content.length}`);
  });

  test("a range for a client that takes no identity is the whole in zstd", async () => {
    const response = await answer({ range: "bytes=0-9", "accept-encoding": "zstd, identity;q=0" });
    expect(response.status).toBe(200);
    expect(response.headers.get("content-encoding")).toBe("zstd");
    expect(response.headers.get("accept-ranges")).toBeNull();
  });
});

describe("init", () => {
  test("keeps headers, adds to Vary and Cache-Control", async () => {
    const headers = { "content-type": "application/json", vary: "Origin", "cache-control": "max-age=60" };
    const response = await serve(request({ "accept-encoding": "zstd" }), forms["one frame"]!, { headers });
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(response.headers.get("vary")).toBe("Origin, Accept-Encoding");
    expect(response.headers.get("cache-control")).toBe("max-age=60, no-transform");
    const identity = await serve(request(), forms["one frame"]!, { headers });
    expect(identity.headers.get("cache-control")).toBe("max-age=60");
    for (const vary of ["*", "accept-encoding", "Origin, Accept-Encoding"]) {
      const kept = await serve(request(), forms["one frame"]!, { headers: { vary } });
      expect(kept.headers.get("vary")).toBe(vary);
    }
  });

  test("a status of its own has no ranges and no conditions", async () => {
    const init = { status: 404, statusText: "Nothing there" };
    const response = await serve(
      request({ range: "bytes=0-9", "if-none-match": "*" }),
      forms["one frame"]!,
      init,
    );
    expect([response.status, response.statusText]).toEqual([404, "Nothing there"]);
    expectBytes(await bytesOf(response), content);
  });

  test.each([
    [{ etag: 'a"b' }],
    [{ etag: "a\nb" }],
    [{ etag: 'W/"a"' }],
    [{ etag: 5 }],
    [{ headers: { "content-encoding": "gzip" } }],
    [{ headers: { "content-length": "5" } }],
    [{ headers: { "x-key": "a\r\nset-cookie: b" } }],
    [{ ttl: 5 }],
  ])("%j is a TypeError", async (init) => {
    await expect(serve(request(), forms["one frame"]!, init as ServeInit)).rejects.toThrow(TypeError);
  });

  test("wrong arguments are a TypeError", async () => {
    await expect(serve({} as Request, forms["one frame"]!)).rejects.toThrow(TypeError);
    for (const wrong of [undefined, null, "text", 5, {}])
      await expect(serve(request(), wrong as unknown as Uint8Array)).rejects.toThrow(TypeError);
  });
});

describe("bad values", () => {
  test("a window above 8 MiB is compressed anew for who decodes, and decoded for who does not", async () => {
    const wide = forms["a window of 16 MiB"]!;
    const response = await serve(request({ "accept-encoding": "zstd" }), wide);
    expect(isOneFrame(await bytesOf(response))).toBe(true);
    expectBytes(await bytesOf(await serve(request(), wide)), content);
  });

  test.each(["zstd", "identity"])("what is cut off rejects before anything is sent (%s)", async (accept) => {
    const frame = forms["one frame"]!;
    for (let size = 5; size < frame.length; size += 997) {
      await expect(
        serve(request({ "accept-encoding": accept }), frame.subarray(0, size)),
      ).rejects.toMatchObject({ code: "TRUNCATED" });
    }
  });

  test("a flipped bit rejects where the content is decoded", async () => {
    const frame = forms["one frame"]!.slice();
    frame[frame.length - 1]! ^= 1;
    await expect(serve(request(), frame)).rejects.toMatchObject({ code: "CHECKSUM_MISMATCH" });
    // Its reader finds it.
    const response = await serve(request({ "accept-encoding": "zstd" }), frame);
    expectBytes(await bytesOf(response), frame);
  });

  test("base64 that is cut off is an error", async () => {
    const whole = toTextCarrier(forms["one frame"]!);
    const broken = new TextEncoder().encode(whole.slice(0, 4 + 400));
    await expect(serve(request(), broken)).rejects.toMatchObject({ code: "TRUNCATED" });
  });

  test("nothing at all is an empty body", async () => {
    expect(await bytesOf(await serve(request(), new Uint8Array(0)))).toHaveLength(0);
    expect(await bytesOf(await serve(request(), streamOf(new Uint8Array(0))))).toHaveLength(0);
  });
});
