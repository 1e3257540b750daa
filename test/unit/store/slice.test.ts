/** Reading parts of a string, by a script and by a transaction. */
import { describe, expect, test } from "vitest";
import { RestClient } from "../../../src/rest/client.ts";
import { readRestOptions } from "../../../src/rest/rest-options.ts";
import { SliceReader, type ByteRange } from "../../../src/store/slice.ts";
import { createDevServer, type DevServer, type DevServerOptions } from "../../../src/dev/index.ts";
import { seededRandom } from "../../support/random.ts";
import { backends } from "../../support/backends.ts";

interface Rig {
  readonly client: RestClient;
  readonly slices: SliceReader;
  /** Paths and bodies of the requests since the last look. */
  requests(): string[];
}

/** Without sockets: the server answers in this process. */
async function withServer(options: DevServerOptions, work: (rig: Rig) => Promise<void>): Promise<void> {
  const server: DevServer = await createDevServer(options);
  let sent: string[] = [];
  const client = new RestClient(
    readRestOptions({
      url: "http://server.test",
      token: server.token,
      fetch: (input, init) => {
        sent.push(`${new URL(input).pathname} ${String(init.body)}`);
        return server.fetch(new Request(input, init));
      },
    }),
  );
  try {
    await work({
      client,
      slices: new SliceReader(client),
      requests() {
        const seen = sent;
        sent = [];
        return seen;
      },
    });
  } finally {
    await server.close();
  }
}

const modes: readonly [string, DevServerOptions][] = backends.flatMap(
  (backend): [string, DevServerOptions][] => [
    [backend, { backend }],
    [`${backend} without RESP2`, { backend, noResp2: true }],
    [`${backend} without scripts`, { backend, noScripts: true }],
    [`${backend} without both`, { backend, noScripts: true, noResp2: true }],
  ],
);

describe.each(modes)("parts of a string on %s", (_, options) => {
  test("are what GETRANGE gives, with length and time to live", () =>
    withServer(options, async ({ client, slices }) => {
      const random = seededRandom(60);
      const data = random.bytes(10_000);
      await client.command(["SET", "k", data, "PX", 100_000]);
      for (let round = 0; round < 20; round++) {
        const ranges = Array.from({ length: 1 + random.below(3) }, (): ByteRange => {
          const first = random.below(12_000);
          return random.below(2) === 0
            ? [first, first + random.below(5000)]
            : [-1 - random.below(12_000), -1];
        });
        const slice = (await slices.read("k", ranges, undefined))!;
        expect(slice.size).toBe(10_000);
        expect(slice.ttl).toBeGreaterThan(0);
        expect(slice.ttl).toBeLessThanOrEqual(100_000);
        const parts = ranges.map(([first, last]) =>
          first < 0 ? data.slice(first) : data.slice(first, Math.min(last + 1, data.length)),
        );
        expect(slice.parts.map((part) => Buffer.from(part))).toEqual(parts.map((part) => Buffer.from(part)));
      }
    }));

  test("of nothing, of an empty string, of one without an end", () =>
    withServer(options, async ({ client, slices }) => {
      expect(await slices.read("none", [[0, 5]], undefined)).toBe(null);
      await client.command(["SET", "empty", ""]);
      const empty = await slices.read(
        "empty",
        [
          [0, 5],
          [-3, -1],
        ],
        undefined,
      );
      expect(empty).toEqual({ size: 0, ttl: -1, parts: [new Uint8Array(0), new Uint8Array(0)] });
    }));

  test("of another type are an error with the key, before and after the first success", () =>
    withServer(options, async ({ client, slices }) => {
      await client.command(["RPUSH", "list", "a"]);
      const wrong = {
        name: "ZstashError",
        code: "REDIS",
        key: "list",
        message: expect.stringMatching(/WRONGTYPE/),
      };
      await expect(slices.read("list", [[0, 1]], undefined)).rejects.toMatchObject(wrong);
      await slices.read("none", [[0, 1]], undefined);
      await expect(slices.read("list", [[0, 1]], undefined)).rejects.toMatchObject(wrong);
    }));

  test("take one request once it is known what the server can do", () =>
    withServer(options, async ({ client, slices, requests }) => {
      await client.command(["SET", "k", "value"]);
      await slices.read("k", [[0, 1]], undefined);
      requests();
      await slices.read(
        "k",
        [
          [0, 1],
          [-2, -1],
        ],
        undefined,
      );
      const sent = requests();
      expect(sent.length).toBe(1);
      // The embedded keyspace has no Lua.
      expect(sent[0]).toMatch(
        options.noScripts === true || options.backend === "embedded" ? /^\/multi-exec / : /^\/ \["EVAL_RO"/,
      );
    }));
});

test("an error of scripts that passes does not turn them off; one that stays does", async () => {
  for (const [text, later] of [
    ["BUSY Redis is busy running a script", "EVAL_RO"],
    ["LOADING Redis is loading the dataset in memory", "EVAL_RO"],
    ["ERR unknown command 'EVAL_RO'", "multi-exec"],
    ["NOPERM this user has no permissions to run the 'eval_ro' command", "multi-exec"],
  ] as const) {
    const names: string[] = [];
    let first = true;
    const client = new RestClient(
      readRestOptions({
        url: "http://server.test",
        token: "token",
        retry: false,
        fetch: (input) => {
          const script = new URL(input).pathname === "/";
          names.push(script ? "EVAL_RO" : "multi-exec");
          if (script && first) {
            return Promise.resolve(Response.json({ error: text }, { status: 400 }));
          }
          const results = [-1, 5, Buffer.from("v").toString("base64")];
          return Promise.resolve(
            script
              ? new Response("*3\r\n:-1\r\n:5\r\n$1\r\nv\r\n")
              : Response.json(results.map((result) => ({ result }))),
          );
        },
      }),
    );
    const slices = new SliceReader(client);
    for (let read = 0; read < 2; read++) {
      expect((await slices.read("k", [[0, 0]], undefined))!.size).toBe(5);
      first = false;
    }
    expect(names.at(-1), text).toBe(later);
  }
});
