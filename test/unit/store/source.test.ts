/** Everything that can be stored, opened as a stream, and everything that cannot. */
import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { openSource, type ValueSource } from "../../../src/store/source.ts";
import { expectBytes } from "../../support/expect-bytes.ts";
import { seededRandom } from "../../support/random.ts";
import { chunksOf, concat, sourceOf } from "../../support/streams.ts";

const encoder = new TextEncoder();
const text = "grüße, 日本, 🙂";
const bytes = encoder.encode(text);

const read = async (source: ValueSource) => {
  const { stream, size, kind } = openSource(source);
  return { bytes: concat(await chunksOf(stream)), size, kind };
};
const typed = (type: string): Blob => new Blob([bytes], { type });
const answer = (type: string | undefined): Response =>
  new Response(bytes, type === undefined ? {} : { headers: { "content-type": type } });

const shared = (from: Uint8Array): Uint8Array => {
  const copy = new Uint8Array(new SharedArrayBuffer(from.length));
  copy.set(from);
  return copy;
};

/** A Response of another implementation, whose body is a stream of Node. */
const foreignResponse = (from: Uint8Array): Response =>
  ({
    [Symbol.toStringTag]: "Response",
    ok: true,
    status: 200,
    bodyUsed: false,
    headers: new Headers(),
    body: Readable.from([Buffer.from(from)]),
  }) as unknown as Response;

describe("a source", () => {
  test.each<[string, ValueSource, number | undefined, string | undefined]>([
    ["bytes", bytes, bytes.length, undefined],
    ["a Buffer", Buffer.from(bytes), bytes.length, undefined],
    ["a string", text, bytes.length, "text"],
    ["a Blob", typed(""), bytes.length, undefined],
    ["a File", new File([bytes], "name.json", { type: "application/json" }), bytes.length, "json"],
    ["a Response", answer(undefined), undefined, undefined],
    ["a Response of text", new Response(text), undefined, "text"],
    ["a stream", sourceOf([bytes]), undefined, undefined],
    ["an ArrayBuffer", bytes.slice().buffer, bytes.length, undefined],
    ["a part of a buffer", new Uint8Array([0, ...bytes, 0]).subarray(1, -1), bytes.length, undefined],
    ["a DataView", new DataView(bytes.slice().buffer), bytes.length, undefined],
    ["shared bytes", shared(bytes), bytes.length, undefined],
    [
      "an async iterable",
      (async function* one() {
        await Promise.resolve();
        yield bytes.subarray(0, 3);
        yield new DataView(bytes.slice(3).buffer);
      })(),
      undefined,
      undefined,
    ],
    ["a stream of Node", Readable.from([Buffer.from(bytes)]), undefined, undefined],
    ["a Response around a stream of Node", foreignResponse(bytes), undefined, undefined],
  ])("that is %s", async (_, source, size, kind) => {
    const opened = await read(source);
    expectBytes(opened.bytes, bytes);
    expect([opened.size, opened.kind]).toEqual([size, kind]);
  });

  test.each<[string, ValueSource, number | undefined]>([
    ["bytes", new Uint8Array(0), 0],
    ["a string", "", 0],
    ["a Blob", new Blob([]), 0],
    ["a Response without a body", new Response(null), 0],
    ["a Response of nothing", new Response(""), undefined],
    ["a stream", sourceOf([]), undefined],
  ])("may be empty: %s", async (_, source, size) => {
    const opened = await read(source);
    expect([opened.bytes.length, opened.size]).toEqual([0, size]);
  });

  test("of large bytes comes in parts, and only when they are asked for", async () => {
    const data = seededRandom(40).bytes(600_000);
    const { stream } = openSource(data);
    const chunks = await chunksOf(stream);
    expect(chunks.map(({ length }) => length)).toEqual([262_144, 262_144, 75_712]);
    expectBytes(concat(chunks), data);
    // Copies: what was given may be used again.
    expect(chunks[0]!.buffer).not.toBe(data.buffer);
    expect((await chunksOf(openSource(data.subarray(0, 524_288)).stream)).length).toBe(2);
  });

  test("of a response is not measured by its header: that is of the encoded body", async () => {
    const { size } = await read(new Response(bytes, { headers: { "content-length": "3" } }));
    expect(size).toBe(undefined);
  });

  test.each([
    ["text/plain", "text"],
    ["text/html; charset=utf-8", "text"],
    ["Application/JSON", "json"],
    ["application/json; charset=utf-8", "json"],
    ["application/vnd.api+json", "json"],
    ["application/protobuf", "protobuf"],
    ["application/x-protobuf", "protobuf"],
    ["image/png", "binary"],
    ["application/octet-stream", "binary"],
    ["application/jsonlines", "binary"],
  ])("of type %s is %s", (type, kind) => {
    expect(openSource(typed(type)).kind).toBe(kind);
    expect(openSource(answer(type)).kind).toBe(kind);
  });
});

describe("a wrong source is a TypeError that names it", () => {
  const wrong = (source: unknown): void =>
    expect(() => openSource(source as ValueSource)).toThrow(
      expect.objectContaining({ name: "TypeError", message: expect.stringContaining('"source"') }),
    );

  test.each([undefined, null, 7, true, {}, [], [1, 2], new Map(), new Date(), () => text])("%s", (source) =>
    wrong(source),
  );

  test("a body that was read, or that somebody reads", async () => {
    const used = new Response(text);
    await used.text();
    wrong(used);
    const locked = sourceOf([bytes]);
    locked.getReader();
    wrong(locked);
  });

  test("elements of other widths are their bytes, in memory's order", async () => {
    expect([...(await read(new Uint16Array([258, 259]))).bytes]).toEqual([2, 1, 3, 1]);
    expect((await read(new Float64Array(3))).size).toBe(24);
  });

  test("a buffer that is gone, or too short for its view", () => {
    const gone = new Uint8Array(10);
    structuredClone(gone.buffer, { transfer: [gone.buffer] });
    for (const source of [gone, gone.buffer]) wrong(source);
    const view = new DataView(new ArrayBuffer(4));
    structuredClone(view.buffer, { transfer: [view.buffer] });
    wrong(view);
  });

  test("a Response that is not ok, and a stream of Node that was read", async () => {
    for (const status of [404, 500]) wrong(new Response(text, { status }));
    wrong(Response.error());
    const readable = Readable.from([Buffer.from(bytes)]);
    for await (const _ of readable);
    wrong(readable);
  });

  test.each([
    [{ a: 1 }, "JSON.stringify"],
    [[1, 2], "Uint8Array.from"],
  ])("%j says what to do", (source, hint) => {
    expect(() => openSource(source as never)).toThrow(hint);
  });
});

test.each<[unknown, string]>([
  [() => 5, "undefined"],
  [() => null, "undefined"],
  [() => ({ next: () => 5 }), "number"],
  [() => ({ next: () => Promise.resolve(null) }), "null"],
])("an iterable with a wrong iterator is a TypeError: %#", async (iterate, got) => {
  const { stream } = openSource({ [Symbol.asyncIterator]: iterate } as ValueSource);
  await expect(chunksOf(stream)).rejects.toThrow(
    new TypeError(`"source" must have an iterator whose next() gives an object, got ${got}`),
  );
});
