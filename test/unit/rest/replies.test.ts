/** Replies in RESP2 and in JSON, whole and as streams, split and cut at every byte. */
import { describe, expect, test } from "vitest";
import { ZstashError } from "../../../src/errors.ts";
import type { HttpReply } from "../../../src/rest/exchange.ts";
import { openBulk } from "../../../src/rest/bulk-stream.ts";
import {
  readJsonReplies,
  readReply,
  type BulkReply,
  type ReplyFormat,
} from "../../../src/rest/read-reply.ts";
import type { RespValue } from "../../../src/rest/resp.ts";
import { expectBytes } from "../../support/expect-bytes.ts";

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const bulk = (bytes: Uint8Array | string | null): RespValue => ({
  kind: "bulk",
  bytes: typeof bytes === "string" ? utf8(bytes) : bytes,
});
const raw = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, 255, 13, 10);

/** A reply whose body comes in the given chunks; at the end it fails, where `fault` is given. */
class Chunks implements HttpReply {
  readonly status = 200;
  readonly headers = new Headers();
  reads = 0;
  closed = 0;
  readonly #chunks: Uint8Array[];
  readonly #fault: Error | undefined;

  constructor(chunks: readonly (Uint8Array | string)[], fault?: Error) {
    this.#chunks = chunks.map((chunk) => (typeof chunk === "string" ? utf8(chunk) : chunk));
    this.#fault = fault;
  }

  read(): Promise<Uint8Array | undefined> {
    this.reads += 1;
    if (this.#chunks.length === 0 && this.#fault !== undefined) return Promise.reject(this.#fault);
    return Promise.resolve(this.#chunks.shift());
  }

  text(): Promise<string> {
    throw new Error("not asked for");
  }

  close(): void {
    this.closed += 1;
    this.#chunks.length = 0;
  }
}

const bytewise = (bytes: Uint8Array): Uint8Array[] => [...bytes].map((byte) => Uint8Array.of(byte));

/** `$<length>\r\n<content>\r\n`. */
function bulkBytes(content: Uint8Array): Uint8Array {
  return Uint8Array.of(...utf8(`$${content.length}\r\n`), ...content, 13, 10);
}

async function opened(
  chunks: readonly Uint8Array[],
  fault?: Error,
): Promise<{ reply: Chunks; bulk: BulkReply }> {
  const reply = new Chunks(chunks.slice(1), fault);
  const result = await openBulk(reply, chunks[0]!);
  if (result.kind !== "stream") throw new Error(`expected a stream, got ${result.kind}`);
  return { reply, bulk: result };
}

async function collect(stream: ReadableStream<Uint8Array>): Promise<number[]> {
  const bytes: number[] = [];
  for await (const chunk of stream) bytes.push(...chunk);
  return bytes;
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "none";
  } catch (error) {
    return error instanceof ZstashError ? error.code : String(error);
  }
}

describe("a bulk string that is read as it arrives", () => {
  const contents: readonly Uint8Array[] = [
    new Uint8Array(0),
    Uint8Array.of(13),
    Uint8Array.of(13, 10),
    raw,
    utf8("$3\r\nabc\r\n".repeat(20)),
    new Uint8Array(300).fill(13),
  ];

  test("comes whole, in chunks of any size", async () => {
    for (const content of contents) {
      const whole = bulkBytes(content);
      for (const size of [1, 2, 3, 5, 7, whole.length]) {
        const chunks: Uint8Array[] = [];
        for (let at = 0; at < whole.length; at += size) chunks.push(whole.slice(at, at + size));
        const { bulk, reply } = await opened(chunks);
        expect(bulk.size).toBe(content.length);
        expect(await collect(bulk.stream)).toEqual([...content]);
        expect(reply.reads).toBe(chunks.length);
      }
    }
  });

  test("gives what has arrived before the rest has, and asks for no more than is read", async () => {
    const whole = bulkBytes(raw);
    const { bulk, reply } = await opened(bytewise(whole));
    const reader = bulk.stream.getReader();
    const head = whole.length - raw.length - 2;
    for (const [index, byte] of raw.entries()) {
      expect([...(await reader.read()).value!]).toEqual([byte]);
      expect(reply.reads).toBe(head + index);
    }
    expect((await reader.read()).done).toBe(true);
  });

  test("cut at any byte is TRUNCATED once what came is given, and the exchange is ended", async () => {
    const whole = bulkBytes(raw);
    const head = whole.length - raw.length - 2;
    for (let at = head; at < whole.length; at++) {
      for (const chunks of [[whole.slice(0, at)], bytewise(whole.slice(0, at))]) {
        const { bulk, reply } = await opened(chunks);
        const reader = bulk.stream.getReader();
        const got: number[] = [];
        const read = async (): Promise<void> => {
          for (let next = await reader.read(); !next.done; next = await reader.read())
            got.push(...next.value);
        };
        expect(await codeOf(read())).toBe("TRUNCATED");
        expect(got).toEqual([...raw.subarray(0, at - head)]);
        expect(reply.closed).toBeGreaterThan(0);
      }
    }
    // In its first line it is not known for a bulk string yet.
    for (let at = 1; at < head; at++) {
      expect(await codeOf(openBulk(new Chunks([]), whole.slice(0, at)))).toBe("TRUNCATED");
    }
  });

  test("fails with what its connection fails with, and ends the exchange", async () => {
    const fault = new ZstashError("REDIS", "Cannot reach the server: the connection failed");
    const { bulk, reply } = await opened([bulkBytes(raw).slice(0, 7)], fault);
    await expect(collect(bulk.stream)).rejects.toBe(fault);
    expect(reply.closed).toBe(1);
  });

  test.each([
    ["more bytes", "$3\r\nabc\r\nx"],
    ["another reply", "$3\r\nabc\r\n:1\r\n"],
    ["no CRLF", "$3\r\nabcxy"],
    ["half a CRLF", "$3\r\nabc\rx"],
    ["LF alone", "$3\r\nabc\n"],
  ])("followed by %s is REDIS", async (_, text) => {
    for (const chunks of [[utf8(text)], bytewise(utf8(text))]) {
      const { bulk, reply } = await opened(chunks);
      expect(await codeOf(collect(bulk.stream))).toBe("REDIS");
      expect(reply.closed).toBeGreaterThan(0);
    }
  });

  test("that is cancelled ends the exchange", async () => {
    const { bulk, reply } = await opened(bytewise(bulkBytes(raw)));
    const reader = bulk.stream.getReader();
    await reader.read();
    await reader.cancel();
    expect(reply.closed).toBe(1);
  });

  test.each<[string, RespValue]>([
    ["$-1\r\n", bulk(null)],
    ["+OK\r\n", { kind: "status", text: "OK" }],
    ["-ERR x\r\n", { kind: "error", text: "ERR x" }],
    [":12\r\n", { kind: "integer", value: 12 }],
    ["*1\r\n$1\r\na\r\n", { kind: "array", items: [bulk("a")] }],
  ])("any other reply, %j, is given whole", async (text, value) => {
    for (const chunks of [[utf8(text)], bytewise(utf8(text))]) {
      expect(await openBulk(new Chunks(chunks.slice(1)), chunks[0]!)).toEqual(value);
    }
  });

  test.each(["$x\r\n", "$1x\r\na\r\n", `$${"1".repeat(30)}\r\n`, "$ 1\r\na\r\n"])(
    "a length of %j is REDIS",
    async (text) => {
      for (const chunks of [[utf8(text)], bytewise(utf8(text))]) {
        expect(await codeOf(openBulk(new Chunks(chunks.slice(1)), chunks[0]!))).toMatch(
          /^(REDIS|SIZE_LIMIT)$/,
        );
      }
    },
  );
});

describe("a reply that is read whole", () => {
  test("in RESP2, in chunks of one byte, keeps its bytes", async () => {
    const chunks = bytewise(bulkBytes(raw));
    const { received, resp2, lossy } = await readReply(new Chunks(chunks), "resp2");
    expect([resp2, lossy]).toEqual([true, false]);
    expectBytes((received as { bytes: Uint8Array }).bytes, raw);
  });

  test("cut at any byte is TRUNCATED, in RESP2 and in JSON an error", async () => {
    const resp = bulkBytes(raw);
    for (let at = 0; at < resp.length; at++) {
      expect(
        await codeOf(readReply(new Chunks([resp.slice(0, at)].filter(({ length }) => length)), "resp2")),
      ).toBe("TRUNCATED");
    }
    const json = utf8(
      JSON.stringify([{ result: "T0s=" }, { error: "ERR" }, { result: null }, { result: 12 }]),
    );
    for (let at = 0; at < json.length; at++) {
      const code = await codeOf(readReply(new Chunks(bytewise(json.slice(0, at))), "base64"));
      expect(code).toBe(at === 0 ? "TRUNCATED" : "REDIS");
    }
  });

  test.each<[string, ReplyFormat]>([
    ["<html><body>502</body></html>", "resp2"],
    ["\n\n<!DOCTYPE html>", "base64"],
    ["Bad gateway", "resp2"],
    ["Bad gateway", "base64"],
    ["{}", "base64"],
    ["null", "base64"],
    ['"text"', "base64"],
    ["[1]", "base64"],
    ["[null]", "base64"],
    ['[["a"]]', "base64"],
    ['{"error":1}', "base64"],
    ["+OK\r\n+OK\r\n", "resp2"],
  ])("%j is REDIS", async (body, format) => {
    expect(await codeOf(readReply(new Chunks([body]), format))).toBe("REDIS");
  });

  test("in JSON though RESP2 was asked for is text, which may have lost bytes", async () => {
    const body = (result: unknown): Chunks => new Chunks([JSON.stringify({ result })]);
    // "Zm9v" is a text here, and no base64.
    expect(await readReply(body("Zm9v"), "resp2")).toEqual({
      received: bulk("Zm9v"),
      resp2: false,
      lossy: false,
    });
    expect((await readReply(body("(\uFFFD/\uFFFD"), "resp2")).lossy).toBe(true);
    expect((await readReply(body("(\uFFFD/\uFFFD"), "base64")).lossy).toBe(false);
  });

  test("keeps a byte order mark", async () => {
    const { received } = await readReply(new Chunks([JSON.stringify({ result: "\uFEFFx" })]), "resp2");
    expect(received).toEqual(bulk("\uFEFFx"));
  });
});

describe("replies in JSON", () => {
  test.each<[unknown, RespValue]>([
    ["OK", { kind: "status", text: "OK" }],
    ["T0s=", bulk("OK")],
    ["KLUv/QD/DQo=", bulk(raw)],
    ["", bulk("")],
    [null, bulk(null)],
    [12, { kind: "integer", value: 12 }],
    [true, { kind: "integer", value: 1 }],
    [false, { kind: "integer", value: 0 }],
    [[], { kind: "array", items: [] }],
    [
      ["YQ==", null, 1, ["Yg=="]],
      {
        kind: "array",
        items: [bulk("a"), bulk(null), { kind: "integer", value: 1 }, { kind: "array", items: [bulk("b")] }],
      },
    ],
    [{ f: "YQ==" }, { kind: "array", items: [bulk("f"), bulk("a")] }],
  ])("the result %j", (result, value) => {
    expect(readJsonReplies(JSON.stringify({ result }), true)).toEqual(value);
    expect(readJsonReplies(JSON.stringify([{ result }, { error: "ERR" }]), true)).toEqual([
      value,
      { kind: "error", text: "ERR" },
    ]);
  });

  test("are text where base64 was not asked for", () => {
    expect(readJsonReplies('{"result":"T0s="}', false)).toEqual(bulk("T0s="));
    expect(readJsonReplies('{"result":"OK"}', false)).toEqual({ kind: "status", text: "OK" });
  });

  test("that are errors are never echoed by ours", () => {
    for (const text of ['{"result":"hunter2"', "hunter2", '{"hunter2":1}', '["hunter2"]']) {
      let message = "";
      try {
        readJsonReplies(text, true);
      } catch (error) {
        message = `${String(error)} ${JSON.stringify(error)} ${String((error as Error).cause)}`;
      }
      expect(message).toContain("Cannot read the reply");
      expect(message).not.toContain("hunter2");
    }
  });
});
