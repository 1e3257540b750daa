/** Single values, and a store's, with dictionaries: what `encodeValue`, `decodeValue` and `keyvCompression` take. */
import { beforeAll, describe, expect, test } from "vitest";
import { loadZstd, readDictionary, readFrameHeader, type Zstd } from "../../../src/index.ts";
import { loadDecoder } from "../../../src/decode.ts";
import { loadModule } from "../../../src/adapters/full/inline.ts";
import { bokuweb } from "../../../src/engine/bokuweb.ts";
import { DigestedDictionaries } from "../../../src/engine/dictionaries.ts";
import { instantiate } from "../../../src/engine/exports.ts";
import { LinearMemory } from "../../../src/engine/memory.ts";
import type { ZstashEvent } from "../../../src/metrics/events.ts";
import { decodeValue, encodeValue, keyvCompression } from "../../../src/upstash/index.ts";
import { fromTextCarrier } from "../../../src/value/carrier.ts";
import { impostor, NEWER, newer, OLDER, older, sessionOf } from "../../support/dictionaries.ts";

const dictionaries = [readDictionary(newer), readDictionary(older)];
const text = JSON.stringify(sessionOf(1));

let zstd: Zstd;
beforeAll(async () => {
  zstd = await loadZstd();
});

describe("encodeValue and decodeValue", () => {
  test("text and bytes, both carriers, smaller than the value, and back", () => {
    // Bytes that are no UTF-8 begin like the records.
    const bytes = new Uint8Array([...new TextEncoder().encode(text), 0xff]);
    for (const value of [text, bytes]) {
      const raw = encodeValue(zstd, value, { carrier: "raw", dictionaries });
      expect(readFrameHeader(raw)).toMatchObject({ dictionaryId: NEWER, checksum: true });
      expect(raw.length).toBeLessThan(value.length * 0.5);
      const stored = encodeValue(zstd, value, { dictionaries: dictionaries.toReversed() });
      expect(readFrameHeader(fromTextCarrier(stored)).dictionaryId).toBe(OLDER);
      for (const one of [raw, stored]) {
        if (typeof value === "string") expect(decodeValue(zstd, one, { dictionaries })).toBe(value);
        const back = decodeValue(zstd, one, { dictionaries, as: "bytes" });
        expect(back).toEqual(typeof value === "string" ? new TextEncoder().encode(value) : value);
        expect(() => decodeValue(zstd, one, { key: "k" })).toThrow(
          expect.objectContaining({ code: "DICTIONARY_UNKNOWN", key: "k" }),
        );
      }
    }
  });

  test("a decoder of zstash/decode reads them", async () => {
    const decoder = await loadDecoder();
    const stored = encodeValue(zstd, text, { dictionaries });
    expect(decodeValue(decoder, stored, { dictionaries })).toBe(text);
  });

  test("bytes are refused, which would be read and digested with every value", () => {
    const options = { dictionaries: [newer] as never };
    expect(() => encodeValue(zstd, text, options)).toThrow(/must be what readDictionary returns/);
    expect(() => decodeValue(zstd, text, options)).toThrow(/must be what readDictionary returns/);
  });

  test("a policy chooses, and one that names what is not there never breaks a write", () => {
    const frameOf = (policy: object): Uint8Array =>
      encodeValue(zstd, text, { carrier: "raw", dictionaries, policy });
    expect(readFrameHeader(frameOf({ dictionary: OLDER })).dictionaryId).toBe(OLDER);
    expect(frameOf({ dictionary: false })).toEqual(new TextEncoder().encode(text));
    expect(() => frameOf({ dictionary: 7 })).toThrow(RangeError);
    const events: ZstashEvent[] = [];
    const policy = (): { dictionary: number } => ({ dictionary: 7 });
    const onEvent = (event: ZstashEvent): void => void events.push(event);
    expect(() => encodeValue(zstd, text, { dictionaries, policy, onEvent })).toThrow(/must be the id of one/);
    events.length = 0;
    expect(encodeValue(zstd, text, { dictionaries, policy, onEvent })).toBe(text);
    expect(events).toEqual([
      expect.objectContaining({ type: "policy-failed", error: expect.any(RangeError) }),
      expect.objectContaining({ type: "uncompressed", error: expect.any(RangeError) }),
    ]);
  });

  test("an engine without dictionaries stores values as they are, and an event tells", async () => {
    const peer = await loadZstd({ engine: bokuweb });
    const events: ZstashEvent[] = [];
    const onEvent = (event: ZstashEvent): void => void events.push(event);
    expect(encodeValue(peer, text, { dictionaries, onEvent })).toBe(text);
    expect(events).toMatchObject([{ type: "uncompressed", error: { code: "UNSUPPORTED" } }]);
  });
});

test("keyvCompression takes them", () => {
  const { compress, decompress } = keyvCompression(zstd, { dictionaries });
  const stored = compress(text);
  expect(stored.length).toBeLessThan(text.length * 0.6);
  expect(decompress(stored)).toBe(text);
  expect(() => keyvCompression(zstd, { dictionaries, policy: { dictionary: 7 } })).toThrow(RangeError);
});

describe("dictionaries of one call", () => {
  const byId = new Map(dictionaries.map((one) => [one.id, one]));
  const bytes = new TextEncoder().encode(text);

  test("decompress, decompressText and streams find them, before those of the codec", async () => {
    const frame = zstd.compress(text, { dictionary: dictionaries[0]! });
    const both = new Uint8Array([...zstd.compress(text, { dictionary: dictionaries[1]! }), ...frame]);
    expect(zstd.decompressText(both, { dictionaries: byId })).toBe(text + text);
    expect(zstd.decompress(frame, { dictionaries: byId })).toEqual(bytes);
    const stream = new Blob([both]).stream().pipeThrough(zstd.decompressStream({ dictionaries: byId }));
    expect(await new Response(stream as BodyInit).text()).toBe(text + text);
    const source = { size: both.length, read: async (from: number, to: number) => both.subarray(from, to) };
    const range = zstd.decompressRange(source, 3, text.length + 9, { dictionaries: byId });
    expect(await new Response(range as BodyInit).text()).toBe((text + text).slice(3, text.length + 9));
    const own = await loadZstd({ dictionaries });
    expect(own.decompressText(both, { dictionaries: new Map() })).toBe(text + text);
  });

  test("what finds none is refused, and what it finds has to be a dictionary", () => {
    const frame = zstd.compress(text, { dictionary: dictionaries[0]! });
    expect(() => zstd.decompress(frame, { dictionaries: dictionaries as never })).toThrow(TypeError);
    const wrong = { get: () => ({ id: NEWER, bytes: newer }) };
    expect(() => zstd.decompress(frame, { dictionaries: wrong })).toThrow(
      /must be what readDictionary returns/,
    );
  });

  test("equal bytes are digested once, whoever has read them, and others of the same id anew", async () => {
    // Each request of a Worker may make its client.
    const exports = instantiate(await loadModule());
    let made = 0;
    const digested = new DigestedDictionaries(new LinearMemory(exports), exports.ZSTD_freeDDict, 1 << 20);
    const digest = (bytes: Uint8Array): number =>
      digested.get(`${NEWER}`, readDictionary(bytes), (at, size) => {
        made += 1;
        return exports.ZSTD_createDDict(at, size);
      });
    const address = digest(newer);
    for (let round = 0; round < 5; round++) expect(digest(newer)).toBe(address);
    expect(made).toBe(1);
    digest(impostor);
    digest(newer);
    expect(made).toBe(3);
    digested.clear();
  });
});
