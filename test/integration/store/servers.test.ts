/** The store on Redis 8 and on Valkey, where they are: what their commands answer is what it relies on. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { xxh3 } from "../../../src/dev/embedded/xxh3.ts";
import { createRandom } from "../../support/random.ts";
import { hookFetch, refusal } from "../../support/store/hook.ts";
import { collect, startInProcess, type InProcess } from "../../support/store/in-process.ts";
import { otherServers } from "../../support/store/servers.ts";

describe.each(otherServers())("on $name", ({ available, start }) => {
  describe.skipIf(!available)("where it is", () => {
    const bytes = createRandom(5).bytes(200_000);
    const key = `zstash-test-${process.pid}`;
    let server: Awaited<ReturnType<typeof start>>;
    let rig: InProcess;
    beforeAll(async () => {
      server = await start();
      rig = await startInProcess({ redis: server.url });
    });
    afterAll(async () => {
      await rig?.command("DEL", key);
      await rig?.close();
      await server?.stop();
    });

    test.each([{}, { pieceSize: 8192 }])("values go in and out with %j", async (options) => {
      const store = rig.store(options);
      for (const layout of ["ramp", { frameSize: 8192 }, { mtu: 1500 }] as const) {
        for (const more of [{}, { ttl: 60 }, { ttl: 60, ifAbsent: true }, { ifAbsent: true }]) {
          await store.delete(key);
          expect(await store.put(key, bytes, { layout, ...more })).not.toBe(null);
          if ("ifAbsent" in more) expect(await store.put(key, "other", { layout, ...more })).toBe(null);
          expect(Buffer.from((await store.getBytes(key))!).equals(bytes)).toBe(true);
          const part = Buffer.from(await collect((await store.getRange(key, 100_000, 100_500))!));
          expect(part.equals(bytes.subarray(100_000, 100_500))).toBe(true);
          expect((await rig.number("PTTL", key)) > 0).toBe("ttl" in more);
        }
      }
      expect([...(await rig.temporaries()).keys()].filter((name) => name.startsWith(key))).toEqual([]);
    });

    test("values of others are read in pieces, with scripts and with DIGEST alone", async () => {
      await rig.command("SET", key, bytes);
      const options = { pieceSize: 30_000 };
      expect(Buffer.from((await rig.store(options).getBytes(key))!).equals(bytes)).toBe(true);
      const digest = await rig.command("DIGEST", key).catch(() => undefined);
      const { fetch } = hookFetch(rig.fetch, ({ name }) =>
        name === "EVAL_RO" ? refusal("ERR unknown command 'EVAL_RO'") : undefined,
      );
      const read = rig.store({ ...options, fetch }).getBytes(key);
      if (digest === undefined) return expect(read).rejects.toMatchObject({ code: "UNSUPPORTED" });
      expect(Buffer.from((await read)!).equals(bytes)).toBe(true);
      expect(digest.kind === "bulk" && Buffer.from(digest.bytes!).toString()).toBe(xxh3(bytes));
    });
  });
});
