/** Stored values decoded as a page does it: both carriers, every cut of their bytes, and what is wrong with them. */
import { readdirSync, readFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import {
  decodeResponse,
  decodeStored,
  fetchDecoded,
  type DecodeProgress,
  type DecodeResponseOptions,
} from "../../../src/browser/index.ts";
import { loadZstd, type Zstd } from "../../../src/index.ts";
import { toTextCarrier } from "../../../src/value/carrier.ts";
import { expectBytes } from "../../support/expect-bytes.ts";
import { rejection } from "../../support/rejection.ts";

const content = new TextEncoder().encode(
  JSON.stringify(Array.from({ length: 5000 }, (_, id) => ({ id, name: `name ${id % 97}` }))),
);
const small = content.slice(0, 300);
/** Ten blocks. */
const large = new TextEncoder().encode(
  Array.from({ length: 40_000 }, (_, id) => `${id},${(id * 7919) % 1013},row ${id % 97}\n`).join(""),
);
const utf8 = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);
const join = (...parts: Uint8Array[]): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.concat(parts));
const skippable = (payload: Uint8Array): Uint8Array<ArrayBuffer> => {
  const head = new Uint8Array(8);
  new DataView(head.buffer).setUint32(0, 0x184d2a53, true);
  new DataView(head.buffer).setUint32(4, payload.length, true);
  return join(head, payload);
};

let zstd: Zstd;
let frame: Uint8Array<ArrayBuffer>;
let tiny: Uint8Array<ArrayBuffer>;
let forms: Readonly<Record<string, Uint8Array<ArrayBuffer>>>;
beforeAll(async () => {
  zstd = await loadZstd();
  frame = zstd.compress(content);
  tiny = zstd.compress(small);
  const through = async (options: object): Promise<Uint8Array<ArrayBuffer>> =>
    new Uint8Array(
      await new Response(
        new Response(content).body!.pipeThrough(
          zstd.compressStream(options) as unknown as ReadableWritablePair<Uint8Array, Uint8Array>,
        ),
      ).arrayBuffer(),
    );
  forms = {
    "one frame": frame,
    "a frame of unknown size": await through({}),
    "frames and skippable frames": join(
      zstd.compress(content.subarray(0, 1000)),
      skippable(new Uint8Array(5000)),
      skippable(new Uint8Array(0)),
      zstd.compress(content.subarray(1000)),
      skippable(utf8("end")),
    ),
    "seekable frames": await through({ frameSize: 65_536 }),
    base64: utf8(toTextCarrier(frame)),
    "base64 of several frames": utf8(
      toTextCarrier(join(zstd.compress(content.subarray(0, 1000)), zstd.compress(content.subarray(1000)))),
    ),
    uncompressed: content.slice(),
  };
});

const chunked = (bytes: Uint8Array, size: number): ReadableStream<Uint8Array<ArrayBuffer>> => {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(at, (at += size)));
    },
  });
};
const bytesOf = async (response: Response): Promise<Uint8Array<ArrayBuffer>> =>
  new Uint8Array(await response.arrayBuffer());
const codeOf = async (promise: Promise<unknown>): Promise<unknown> =>
  ((await rejection(promise)) as { code?: string }).code;
const decode = async (body: BodyInit, options?: DecodeResponseOptions): Promise<Uint8Array<ArrayBuffer>> =>
  bytesOf(await decodeResponse(new Response(body), options));

const FORMS = [
  "one frame",
  "a frame of unknown size",
  "frames and skippable frames",
  "seekable frames",
  "base64",
  "base64 of several frames",
  "uncompressed",
] as const;

describe.each(FORMS)("%s", (form) => {
  test("is decoded from bytes, from a buffer and from a body in chunks of any size", async () => {
    const stored = forms[form]!;
    expectBytes(await decodeStored(stored), content);
    expectBytes(await decodeStored(stored.buffer), content);
    for (const size of [1_000_000, 65_536, 4_096, 11, 10, 9])
      expectBytes(await decode(chunked(stored, size)), content);
  });

  test("is decoded to exactly its limit and not beyond", async () => {
    const stored = forms[form]!;
    const maxSize = content.length;
    expectBytes(await decodeStored(stored, { maxSize }), content);
    expectBytes(await decode(chunked(stored, 5000), { maxSize }), content);
    expect(await codeOf(decodeStored(stored, { maxSize: maxSize - 1 }))).toBe("SIZE_LIMIT");
    expect(await codeOf(decode(chunked(stored, 5000), { maxSize: maxSize - 1 }))).toBe("SIZE_LIMIT");
  });
});

test("every cut of a small value into two chunks decodes", async () => {
  for (const stored of [
    tiny,
    utf8(toTextCarrier(tiny)),
    join(tiny, skippable(small), zstd.compress(new Uint8Array(0))),
  ])
    for (let at = 0; at <= stored.length; at++) {
      const parts = [stored.slice(0, at), stored.slice(at)];
      const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
        pull(controller) {
          const part = parts.shift();
          if (part === undefined) controller.close();
          else controller.enqueue(part);
        },
      });
      expectBytes(await decode(body), small);
    }
});

test("every truncation of a small frame is an error, in bytes and in a body", async () => {
  for (let end = 4; end < tiny.length; end++) {
    expect(await codeOf(decodeStored(tiny.slice(0, end))), `${end} bytes`).toBe("TRUNCATED");
    expect(await codeOf(decode(chunked(tiny.slice(0, end), 7))), `${end} bytes`).toBe("TRUNCATED");
  }
  // Fewer bytes than the magic number has are a value that is not compressed.
  expectBytes(await decodeStored(tiny.slice(0, 3)), tiny.slice(0, 3));
});

test("every flipped byte of a small frame is an error, and the next value decodes", async () => {
  let undamaged = 0;
  for (let at = 4; at < tiny.length; at++) {
    const damaged = tiny.slice();
    damaged[at]! ^= 0x40;
    const result = await decodeStored(damaged).catch((error: unknown) => error);
    if (result instanceof Uint8Array) {
      // Bits that mean nothing.
      expectBytes(result, small);
      undamaged += 1;
    }
    expectBytes(await decodeStored(tiny), small);
  }
  expect(undamaged).toBeLessThan(4);
});

test("what is damaged has the code of the codec's own streams", async () => {
  const folder = new URL("../../vectors/", import.meta.url);
  const vectors = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".zst"),
  );
  expect(vectors.length).toBeGreaterThan(15);
  const outcome = async (reading: Promise<ArrayBuffer>): Promise<unknown> => {
    try {
      return Buffer.from(await reading).toString("base64");
    } catch (error) {
      return (error as { code: unknown }).code;
    }
  };
  for (const name of vectors) {
    const bytes = new Uint8Array(readFileSync(new URL(name, folder)));
    // What does not begin with a frame is no stored value.
    if (Buffer.compare(bytes.subarray(0, 4), frame.subarray(0, 4)) !== 0) continue;
    const piped = chunked(bytes, 65_536).pipeThrough(
      zstd.decompressStream() as unknown as ReadableWritablePair<Uint8Array, Uint8Array<ArrayBuffer>>,
    );
    const expected = await outcome(new Response(piped).arrayBuffer());
    // In pieces libzstd checks less by itself.
    for (const size of [65_536, 1000, 3]) {
      if (bytes.length / size > 5000) continue;
      const decoding = decodeResponse(new Response(chunked(bytes, size)));
      const found = await outcome(decoding.then((response) => response.arrayBuffer()));
      expect(found, `${name} in chunks of ${size}`).toEqual(expected);
    }
  }
});

test.each([
  ["garbage behind the frame", () => join(tiny, utf8("garbage")), "CORRUPT"],
  ["a magic number of one more frame", () => join(tiny, tiny.slice(0, 5)), "TRUNCATED"],
  ["a skippable frame that is cut off", () => join(tiny, skippable(small).slice(0, 50)), "TRUNCATED"],
  ["base64 without its padding", () => utf8(toTextCarrier(tiny).replace(/=+$/, "")), "CORRUPT"],
  [
    "base64 and more behind its padding",
    () => utf8(`${toTextCarrier(zstd.compress(utf8("a")))}AAAA`),
    "CORRUPT",
  ],
  ["base64 with a line feed", () => utf8(`${toTextCarrier(tiny)}\n`), "CORRUPT"],
  ["base64 with a letter that is none", () => utf8(toTextCarrier(tiny).replace(/.{9}$/, "ä$&")), "CORRUPT"],
] as const)("%s is %s", async (_, make, code) => {
  expect(await codeOf(decodeStored(make()))).toBe(code);
  expect(await codeOf(decode(chunked(make(), 3)))).toBe(code);
});

test("a frame with a dictionary names it, and a window over the limit is refused before a byte of it", async () => {
  const dictionary = new Uint8Array(
    readFileSync(
      new URL("../../vectors/golden/golden-dictionaries/http-dict-missing-symbols", import.meta.url),
    ),
  );
  const { readDictionary } = await import("../../../src/index.ts");
  const read = readDictionary(dictionary);
  const error = await rejection(decodeStored(zstd.compress(small, { dictionary: read })));
  expect(error).toMatchObject({ code: "DICTIONARY_UNKNOWN", dictionaryId: read.id, frame: 0 });
  const wide = forms["a frame of unknown size"]!.slice();
  wide[5] = 14 << 3;
  expect(await codeOf(decodeStored(wide))).toBe("WINDOW_LIMIT");
  expectBytes(await decodeStored(wide, { maxWindowLog: 24 }), content);
});

test("a string is a value as Redis gives it as text", async () => {
  expectBytes(await decodeStored(toTextCarrier(frame)), content);
  expectBytes(await decodeStored("äöü"), utf8("äöü"));
  expectBytes(await decodeStored(""), new Uint8Array(0));
  // Neither of our commands writes this: the tenth character shows no frame.
  expectBytes(await decodeStored("zs1:KLUv/*"), utf8("zs1:KLUv/*"));
  expect(await codeOf(decodeStored(new TextDecoder().decode(frame)))).toBe("UNSUPPORTED");
  await expect(decodeStored(3 as unknown as string)).rejects.toThrow(
    '"value" must be a string or bytes, got number',
  );
});

test("a response keeps its status and headers, but for those of the bytes that came", async () => {
  const response = await decodeResponse(
    new Response(frame, {
      status: 203,
      statusText: "Fine",
      headers: {
        "content-type": "text/csv",
        "content-encoding": "zstd",
        "content-length": `${frame.length}`,
        etag: '"1"',
      },
    }),
  );
  expect(response.status).toBe(203);
  expect(response.statusText).toBe("Fine");
  expect(Object.fromEntries(response.headers)).toEqual({ "content-type": "text/csv", etag: '"1"' });
  expectBytes(await bytesOf(response), content);
});

test.each([
  ['application/zstd; type="application/json; charset=utf-8"', "application/json; charset=utf-8"],
  ["application/zstd", null],
  ["application/octet-stream", "application/octet-stream"],
  ["application/zstdx", "application/zstdx"],
])("a frame of type %s has content of type %s", async (type, expected) => {
  const response = await decodeResponse(new Response(frame, { headers: { "content-type": type } }));
  expect(response.headers.get("content-type")).toBe(expected);
});

test("a body that is no stored value keeps all headers, one that a browser has decoded loses two", async () => {
  const headers = { "content-type": "application/zstd", "content-length": `${content.length}` };
  const plain = await decodeResponse(new Response(content, { headers }));
  expect(Object.fromEntries(plain.headers)).toEqual(headers);
  const decoded = await decodeResponse(
    new Response(content, {
      headers: { "content-encoding": "zstd", "content-length": `${frame.length}`, etag: '"1"' },
    }),
  );
  expect(Object.fromEntries(decoded.headers)).toMatchObject({ etag: '"1"' });
  expect(decoded.headers.has("content-encoding") || decoded.headers.has("content-length")).toBe(false);
  expectBytes(await bytesOf(decoded), content);
});

test("a part of a body and a response without one stay as they are", async () => {
  const part = new Response(frame, { status: 206 });
  expect(await decodeResponse(part)).toBe(part);
  const none = new Response(null, { status: 204 });
  expect(await decodeResponse(none)).toBe(none);
});

test("progress goes up to the totals, and what the observer throws is its own", async () => {
  const stored = zstd.compress(large);
  const seen: DecodeProgress[] = [];
  const onProgress = (progress: DecodeProgress): void => {
    seen.push(progress);
    throw new Error("observer");
  };
  const response = new Response(chunked(stored, 1000), { headers: { "content-length": `${stored.length}` } });
  expectBytes(await bytesOf(await decodeResponse(response, { onProgress })), large);
  const totals = { totalStoredSize: stored.length, declaredSize: large.length };
  expect(seen.length).toBeGreaterThan(4);
  for (const [at, progress] of seen.entries()) {
    expect(progress).toMatchObject(totals);
    expect(progress.size).toBeGreaterThanOrEqual(seen[at - 1]?.size ?? 0);
    expect(progress.storedSize).toBeGreaterThanOrEqual(seen[at - 1]?.storedSize ?? 0);
  }
  expect(seen.at(-1)).toEqual({ ...totals, storedSize: stored.length, size: large.length });
});

test("a total that the body passes is dropped: another origin hides that the browser decodes", async () => {
  const seen: DecodeProgress[] = [];
  const response = new Response(chunked(content, 1000), { headers: { "content-length": "1500" } });
  await bytesOf(await decodeResponse(response, { onProgress: (progress) => seen.push(progress) }));
  expect(seen[0]!.totalStoredSize).toBe(1500);
  expect(seen.at(-1)).toEqual({
    storedSize: content.length,
    totalStoredSize: undefined,
    size: content.length,
    declaredSize: undefined,
  });
});

test("a reader that leaves stops the body, and one that waits is not run ahead of", async () => {
  const stored = zstd.compress(large);
  let pulled = 0;
  let cancelled = false;
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      pull(controller) {
        controller.enqueue(stored.slice(pulled * 100, (pulled += 1) * 100));
      },
      cancel() {
        cancelled = true;
      },
    },
    { highWaterMark: 0 },
  );
  const reader = (await decodeResponse(new Response(body))).body!.getReader();
  await new Promise((resolve) => setTimeout(resolve, 20));
  const first = pulled;
  expect(first).toBeLessThan(stored.length / 200);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(pulled).toBe(first);
  await reader.cancel();
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(cancelled).toBe(true);
  expect(pulled).toBeLessThan(first + 3);
});

describe("over HTTP", () => {
  let close: (() => void) | undefined;
  afterEach(() => close?.());
  const serving = async (listener: RequestListener): Promise<string> => {
    const server = createServer(listener);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    close = () => {
      server.closeAllConnections();
      server.close();
    };
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/value`;
  };

  test("fetchDecoded keeps the address and decodes as bytes come", async () => {
    let finish: (() => void) | undefined;
    const stored = zstd.compress(large);
    const half = stored.length >> 1;
    const url = await serving((_, response) => {
      response.writeHead(200, { "content-type": "application/zstd" });
      response.write(stored.subarray(0, half));
      finish = () => response.end(stored.subarray(half));
    });
    const response = await fetchDecoded(url, { headers: { accept: "application/zstd" } });
    expect(response.url).toBe(url);
    const reader = response.body!.getReader();
    const first = await reader.read();
    expect(first.value!.length).toBeGreaterThan(0);
    finish!();
    const rest: Uint8Array[] = [first.value!];
    for (let next = await reader.read(); !next.done; next = await reader.read()) rest.push(next.value);
    expectBytes(join(...rest), large);
  });

  test("a connection that is cut in the middle is never the whole", async () => {
    const url = await serving((_, response) => {
      response.writeHead(200, { "content-length": frame.length });
      response.write(frame.subarray(0, 2000), () => response.destroy());
    });
    await expect(fetchDecoded(url).then(bytesOf)).rejects.toThrow(/terminated|aborted|closed/);
  });

  test("an abort ends the request and the body", async () => {
    const gone = new Promise<void>((resolve) => {
      void serving((_, response) => {
        response.on("close", resolve);
        const stored = zstd.compress(large);
        response.write(stored.subarray(0, stored.length >> 1));
      }).then(async (url) => {
        const leaving = new AbortController();
        const response = await fetchDecoded(url, { signal: leaving.signal });
        const reading = response.arrayBuffer();
        leaving.abort();
        await expect(reading).rejects.toThrow(/abort/i);
      });
    });
    await gone;
  });
});
