/** The table of docs/policy.md, row by row, against a real server: the defaults, and who wins where settings disagree. */
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { loadZstd, readDictionary, readFrameHeader, type Zstd } from "../../../src/index.ts";
import { formOf, type StoredForm } from "../../../src/value/form.ts";
import {
  encodeValue,
  type ClientCompressionOptions,
  type EncodeValueOptions,
  type PolicyContext,
  type ValueKind,
  type ZstashEvent,
} from "../../../src/upstash/index.ts";
import { fromTextCarrier } from "../../../src/value/carrier.ts";
import { backends } from "../../support/backends.ts";
import { NEWER, newer, OLDER, older, sessionOf } from "../../support/dictionaries.ts";
import { useClients } from "./rig.ts";

const sessions = JSON.stringify(Array.from({ length: 40 }, (_, index) => sessionOf(index)));
/** A text, or bytes that are no UTF-8, of so many bytes. */
const textOf = (size: number): string => sessions.slice(0, size);
const bytesOf = (size: number): Uint8Array =>
  new Uint8Array([...new TextEncoder().encode(textOf(size - 1)), 0xff]);
const dictionaries = [readDictionary(newer), readDictionary(older)];

let zstd: Zstd;
beforeAll(async () => {
  zstd = await loadZstd();
});

describe("defaults by length and kind", () => {
  type Row = readonly [
    name: string,
    value: string | Uint8Array,
    options: EncodeValueOptions<"raw">,
    level: number | "uncompressed",
    kind?: ValueKind,
  ];
  const rows: readonly Row[] = [
    ["1023 bytes of text", textOf(1023), {}, "uncompressed"],
    ["1024 bytes of text", textOf(1024), {}, 1, "text"],
    ["1023 bytes of JSON", textOf(1023), { kind: "json" }, "uncompressed"],
    ["1024 bytes of JSON", textOf(1024), { kind: "json" }, 1, "json"],
    ["1023 bytes of protobuf", bytesOf(1023), { kind: "protobuf" }, "uncompressed"],
    ["1024 bytes of protobuf", bytesOf(1024), { kind: "protobuf" }, 3, "protobuf"],
    ["1024 bytes of protobuf that happen to be UTF-8", textOf(1024), { kind: "protobuf" }, 3, "protobuf"],
    ["1023 other bytes", bytesOf(1023), {}, "uncompressed"],
    ["1024 other bytes", bytesOf(1024), {}, 3, "binary"],
    ["127 bytes with a dictionary", textOf(127), { dictionaries }, "uncompressed"],
    ["128 bytes with a dictionary", textOf(128), { dictionaries }, 1, "text"],
    ["127 other bytes with a dictionary", bytesOf(127), { dictionaries }, "uncompressed"],
    ["128 other bytes with a dictionary", bytesOf(128), { dictionaries }, 3, "binary"],
    [
      "1023 bytes whose policy wants no dictionary",
      textOf(1023),
      { dictionaries, policy: { dictionary: false } },
      "uncompressed",
    ],
    [
      "200 bytes whose policy lowers the minimum",
      textOf(200),
      { policy: { minSize: 200, minSavings: 0.01 } },
      1,
      "text",
    ],
    ["a level that the policy gives", bytesOf(2000), { policy: { level: 7 } }, 7, "binary"],
    ["a policy that says false", textOf(5000), { policy: () => false }, "uncompressed"],
  ];
  test.each(rows.map((row) => [row[0], row] as const))("%s", (_, [, value, options, level, kind]) => {
    const events: ZstashEvent[] = [];
    const stored = encodeValue(zstd, value, {
      ...options,
      carrier: "raw",
      onEvent: (one) => events.push(one),
    });
    const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
    if (level === "uncompressed") {
      expect(events).toMatchObject([{ type: "skipped" }]);
      expect(stored).toEqual(bytes);
      return;
    }
    expect(events).toMatchObject([{ type: "compressed", level, kind }]);
    const used = level as number;
    const [dictionary] = options.dictionaries ?? [];
    const frame = zstd.compress(
      bytes,
      dictionary === undefined ? { level: used } : { level: used, dictionary, checksum: true },
    );
    expect(stored).toEqual(frame);
  });

  test("an unknown kind is refused", () => {
    expect(() => encodeValue(zstd, "", { kind: "image" as never })).toThrow(/"kind" must be one of/);
  });
});

describe.each(backends)("who wins, on %s", (backend) => {
  const clients = useClients(backend);
  /** The bytes that lie under a key. */
  const stored = async (key: string): Promise<Uint8Array> => {
    const { url, token } = clients.endpoint();
    const headers = { authorization: `Bearer ${token}`, "upstash-encoding": "base64" };
    const reply = await fetch(`${url}/get/${encodeURIComponent(key)}`, { headers });
    return Buffer.from(((await reply.json()) as { result: string }).result, "base64");
  };
  beforeEach(() => clients.plain().flushall());

  const text = textOf(4000);
  type Row = readonly [
    name: string,
    client: "raw" | "text",
    options: ClientCompressionOptions,
    form: StoredForm,
    dictionary?: number,
  ];
  const rows: readonly Row[] = [
    ["mode passthrough over the policy", "raw", { mode: "passthrough", policy: { minSize: 0 } }, "plain"],
    ["mode read-only over the policy", "raw", { mode: "read-only", policy: { minSize: 0 } }, "plain"],
    ["mode read-only over the dictionary", "raw", { mode: "read-only", dictionaries }, "plain"],
    ["mode shadow over the policy's carrier", "raw", { mode: "shadow", policy: { carrier: "raw" } }, "plain"],
    [
      "policy false over the dictionary and the carrier",
      "raw",
      { policy: () => false, dictionaries },
      "plain",
    ],
    ["the policy's carrier text over a client of raw", "raw", { policy: { carrier: "text" } }, "text"],
    [
      "the policy's carrier raw over a client of text",
      "raw",
      { carrier: "text", policy: { carrier: "raw" } },
      "frames",
    ],
    ["no carrier of the policy: the client's", "raw", { carrier: "text" }, "text"],
    [
      "a client over the SDK's transport over a policy of raw",
      "text",
      { policy: { carrier: "raw" } },
      "text",
    ],
    [
      "the policy's dictionary over the first of the list",
      "raw",
      { dictionaries, policy: { dictionary: OLDER } },
      "frames",
      OLDER,
    ],
    ["no dictionary of the policy: the first", "raw", { dictionaries }, "frames", NEWER],
    ["the policy's false over the list", "raw", { dictionaries, policy: { dictionary: false } }, "frames", 0],
    [
      "dictionary and carrier together",
      "raw",
      { dictionaries, policy: () => ({ dictionary: OLDER, carrier: "text" }) },
      "text",
      OLDER,
    ],
    ["maxSize over the policy", "raw", { maxSize: 3999, policy: { minSize: 0 } }, "plain"],
    ["the savings over the policy's minimum", "raw", { policy: { minSize: 0, minSavings: 0.99 } }, "plain"],
  ];
  test.each(rows.map((row) => [row[0], row] as const))(
    "%s",
    async (_, [, kind, options, form, dictionary]) => {
      const redis = kind === "raw" ? clients.raw(options) : clients.compressing(options);
      await redis.set("k", text);
      const bytes = await stored("k");
      expect(formOf(bytes)).toBe(form);
      if (dictionary !== undefined) {
        const frame = form === "text" ? fromTextCarrier(bytes.toString()) : bytes;
        expect(readFrameHeader(frame).dictionaryId).toBe(dictionary);
      }
      // Whatever was chosen, a reader that knows the dictionaries has the value.
      expect(await clients.raw({ dictionaries }, { automaticDeserialization: false }).get("k")).toBe(text);
    },
  );

  test("the way over everything: several values in one request are text, whatever the policy asks for", async () => {
    const redis = clients.raw({ policy: { carrier: "raw" } });
    await redis.mset({ a: text, b: text });
    await redis.multi().set("c", text).exec();
    for (const key of ["a", "b", "c"]) expect(formOf(await stored(key))).toBe("text");
  });

  test("a text that looks like a stored value is wrapped, over mode, policy and limits", async () => {
    for (const mode of ["on", "shadow", "read-only", "passthrough"] as const) {
      await clients.raw({ mode, policy: () => false, maxSize: 1 }).set("k", "zs1:KLUv/Sx");
      expect(formOf(await stored("k"))).not.toBe("plain");
      expect(await clients.raw().get("k")).toBe("zs1:KLUv/Sx");
    }
  });

  test("what the policy is told", async () => {
    const asked: PolicyContext[] = [];
    const policy = (context: PolicyContext) => (asked.push(context), {});
    const redis = clients.raw({ policy, dictionaries });
    const size = text.length;
    await redis.set("alone", text, { ex: 60 });
    await redis.mset({ one: text, two: text });
    await clients.compressing({ policy }).set("over the SDK", text);
    const large = "x".repeat(300_000);
    await redis.set("large", large);
    const common = { command: "SET", kind: "text", ttl: undefined };
    expect(asked).toEqual([
      { ...common, key: "alone", size, ttl: 60, carrier: "raw", dictionary: NEWER },
      { ...common, command: "MSET", key: "one", size, carrier: "text", dictionary: NEWER },
      { ...common, command: "MSET", key: "two", size, carrier: "text", dictionary: NEWER },
      { ...common, key: "over the SDK", size, carrier: "text", dictionary: undefined },
      { ...common, key: "large", size: large.length, carrier: "raw", dictionary: undefined },
    ]);
  });

  test("a broken policy is loud once: the call rejects, nothing is written, and an event tells of each value", async () => {
    const events: ZstashEvent[] = [];
    const policy = ({ key }: PolicyContext) => ({ minSize: Number(key.split(":")[1]!.length) });
    const redis = clients.raw(
      { policy, onEvent: (event) => event.type !== "request" && events.push(event) },
      { automaticDeserialization: false },
    );
    await redis.set("page:1", text);
    await expect(redis.set("page", text)).rejects.toThrow(TypeError);
    expect(await redis.exists("page")).toBe(0);
    await redis.set("page", text);
    expect(await redis.get("page")).toBe(text);
    await redis.set("page:2", text);
    expect(events.map((event) => ("key" in event ? `${event.type} ${event.key}` : event.type))).toEqual([
      "compressed page:1",
      "policy-failed page",
      "policy-failed page",
      "uncompressed page",
      "compressed page:2",
    ]);
  });
});
