/** Everything that can be stored, opened as a stream, and everything that cannot. */
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
    // Views of what was given, not copies.
    expect(chunks[0]!.buffer).toBe(data.buffer);
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

  test.each([undefined, null, 7, true, {}, [], [1, 2], new ArrayBuffer(4), new Uint16Array(2), () => text])(
    "%s",
    (source) => wrong(source),
  );

  test("a body that was read, or that somebody reads", async () => {
    const used = new Response(text);
    await used.text();
    wrong(used);
    const locked = sourceOf([bytes]);
    locked.getReader();
    wrong(locked);
  });
});
