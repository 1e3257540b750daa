/** `zstash dict`: the life of a dictionary from the command line, what each step says, and what it refuses. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { widthOf } from "../../../src/cli/text.ts";
import { createDevServer } from "../../../src/dev/index.ts";
import { dictionaryKey, toStoredText, withContentId } from "../../../src/dictionaries/stored.ts";
import { createStore } from "../../../src/store/index.ts";
import { backends } from "../../support/backends.ts";
import type { Ended } from "../../support/cli-program.ts";
import { shown, terminalAvailable } from "../../support/cli-run.ts";
import { newer, older, sessionOf } from "../../support/dictionaries.ts";
import { useRedis } from "../../support/redis.ts";
import { environmentOf, jsonOf, READER, TOKEN, useCli, useServer } from "./rig.ts";

const cli = useCli();
const NEW = join(cli.folder, "new.dict");
const OLD = join(cli.folder, "old.dict");
writeFileSync(NEW, newer);
writeFileSync(OLD, older);
const [first, second] = [withContentId(newer), withContentId(older)];
const [a, b] = [first.id, second.id];
const keyOf = ({ id }: { readonly id: number }): string => dictionaryKey(id);

interface Collected {
  readonly deleted: boolean;
  readonly removed: number[];
  readonly kept: { readonly id: number; readonly references: number }[];
}

describe.each(backends)("zstash dict on %s", (backend) => {
  const rig = useServer({ backend });
  const dict = (...args: readonly string[]): Promise<Ended> => cli.run(["dict", ...args], { env: rig().env });
  const out = async (...args: readonly string[]): Promise<string> => {
    const { code, output, errors } = await dict(...args);
    expect({ code, errors }).toEqual({ code: 0, errors: "" });
    return output;
  };
  const fails = async (code: number, ...args: readonly string[]): Promise<string> => {
    const ended = await dict(...args);
    expect({ code: ended.code, output: ended.output }).toEqual({ code, output: "" });
    return ended.errors;
  };
  /** Makes what is retired look as if it were so for two hours. */
  const age = async (): Promise<void> => {
    const [text] = await rig().send(["GET", "zstash:dicts"]);
    const at = Math.floor(Date.now() / 1000) - 7200;
    await rig().send(["SET", "zstash:dicts", String(text).replace(/"at":\d+/g, `"at":${at}`)]);
  };

  test("a dictionary's life: each step, and what it says", async () => {
    expect(await out("list")).toBe(
      'There are no dictionaries. "zstash train" makes one, "zstash dict publish" puts it here\n',
    );
    expect(await out("publish", NEW, "--keys", "session:*")).toMatch(
      new RegExp(
        `^Dictionary ${a} of [\\d.]+ KiB is published, for 10 % of the keys session:\\*\nFor all of them: zstash dict promote 'session:\\*'\n$`,
      ),
    );
    expect(await out("list")).toMatch(
      new RegExp(
        `^1 dictionary, mode on, version 1 of the manifest\n\n  id +keys +role +share +stored\n  ${a} +session:\\* +canary +10 % +[\\d.]+ KiB\n$`,
      ),
    );
    expect(await out("promote", "session:*", "--share", "50%")).toBe(
      `Dictionary ${a} is now for 50 % of the keys session:*\n`,
    );
    expect(await out("promote", "session:*")).toBe(`Dictionary ${a} is now for all of the keys session:*\n`);
    expect(
      jsonOf(await dict("publish", OLD, "--keys", "session:*", "--canary", "1", "--json")),
    ).toMatchObject({
      id: b,
      size: older.length,
      pattern: "session:*",
      share: 1,
      version: 4,
    });
    expect(jsonOf(await dict("list", "--json"))).toEqual({
      version: 4,
      mode: "on",
      dictionaries: expect.arrayContaining([
        {
          id: a,
          storedSize: toStoredText(first).length,
          uses: [{ pattern: "session:*", role: "retired", share: 0 }],
        },
        {
          id: b,
          storedSize: toStoredText(second).length,
          uses: [{ pattern: "session:*", role: "current", share: 1 }],
        },
      ]) as unknown,
    });
    // The one in use stands first.
    expect(
      (await out("list"))
        .split("\n")
        .slice(3, 5)
        .map((line) => line.trim().split(" ")[0]),
    ).toEqual([`${b}`, `${a}`]);
    expect(jsonOf(await dict("promote", "session:*", "--id", `${a}`, "--json"))).toEqual({
      pattern: "session:*",
      id: a,
      share: 1,
      version: 5,
    });
    expect(await out("retire", `${a}`)).toMatch(
      /^Dictionary \d+ is retired: writers stop within five minutes\n/,
    );
    expect(await fails(1, "retire", `${a}`)).toMatch(/^Cannot retire \d+: it is retired already\. /);
  });

  test("mode is the kill switch", async () => {
    expect(await out("mode")).toBe(
      "The mode is on: values are compressed, with the dictionaries of their keys\n" +
        'It is for clients with dictionaries: "auto"\n',
    );
    for (const [mode, meaning] of [
      ["off", "values are compressed without dictionaries"],
      ["read-only", "nothing is compressed, and everything is read"],
    ] as const) {
      expect(await out("mode", mode)).toBe(
        `The mode is ${mode}: ${meaning}\nIt is for clients with dictionaries: "auto"; others, and stores, go on\n` +
          "They know it within five minutes\n",
      );
      expect(jsonOf(await dict("mode", "--json"))).toMatchObject({ mode });
    }
    expect(await out("publish", NEW, "--keys", "*")).toContain(
      "\nIt is not used as long as the mode is read-only: zstash dict mode on\n",
    );
    expect(await fails(2, "mode", "readonly")).toMatch(/on, read-only, off\. Did you mean "read-only"\?\n$/);
  });

  test("show prints the text, of Redis and of a file, and writes the file", async () => {
    await out("publish", NEW, "--keys", "session:*", "--canary", "100%");
    const file = join(cli.folder, `shown-${backend}.dict`);
    const text = await out("show", `${a}`, "--out", file);
    expect(text).toMatch(
      /^Dictionary \d+ of [\d.]+ KiB: \d+ B of tables, [\d.]+ KiB of content\nFor all of the keys session:\*\n\nThe text in it, word for word from its samples \(\d+ pieces?\):\n {2}/,
    );
    expect(text).toContain('"currency":"EUR"');
    expect(new Uint8Array(readFileSync(file))).toEqual(first.bytes);
    expect(await fails(1, "show", `${a}`, "--out", file)).toMatch(/is there already/);
    const local = jsonOf<{ id: number; uses: unknown[]; text: string[] }>(await dict("show", file, "--json"));
    expect(local).toMatchObject({ id: a, uses: [] });
    expect(local.text.join("")).toContain('"currency":"EUR"');
    // A file is shown where there is no server, before it is published.
    expect((await cli.run(["dict", "show", NEW])).code).toBe(0);
  });

  test("gc only counts, unless it is told; what a value needs stays", async () => {
    const { send, url } = rig();
    await out("publish", NEW, "--keys", "*", "--canary", "1");
    const store = createStore({ url, token: TOKEN, dictionaries: "auto", dictionaryWait: 10_000 });
    await store.put("kept", JSON.stringify(sessionOf(1)));
    expect(await out("gc")).toBe("No dictionary is retired or unused: there is nothing to remove\n");
    await out("publish", OLD, "--keys", "*", "--canary", "1");
    await age();
    await send(["SET", keyOf({ id: 40_000 }), "x"]);
    expect(await out("gc")).toMatch(
      new RegExp(
        `^2 dictionaries retired or unused\n\n  id +values  state\n  40000 +0       would be removed\n  ${a} +1       kept: values need it\n\nAdd "--delete" to remove what no value needs\n$`,
      ),
    );
    expect(jsonOf<Collected>(await dict("gc", "--json"))).toMatchObject({
      deleted: false,
      removed: [40_000],
    });
    expect((await send(["EXISTS", keyOf({ id: 40_000 })]))[0]).toBe(1);
    await send(["DEL", "kept"]);
    await send(["SET", "big:zstash:0", "zstash upload, not complete\n"]);
    expect(await out("gc", "--delete")).toMatch(/kept: uploads may need it[^]*\(1\)[^]*"zstash sweep"/);
    await send(["DEL", "big:zstash:0"]);
    const done = jsonOf<Collected>(await dict("gc", "--delete", "--json"));
    expect(done).toMatchObject({ deleted: true, removed: expect.arrayContaining([a, 40_000]) as unknown });
    expect((await send(["EXISTS", keyOf(first), keyOf({ id: 40_000 }), keyOf(second)]))[0]).toBe(1);
    await out("retire", `${b}`);
    expect(await out("gc", "--delete", "--min-age", "600")).toMatch(
      /kept: retired too recently, see --min-age\n$/,
    );
    expect(await fails(2, "gc", "--min-age", "5")).toContain("a whole number from 600 to");
  });

  test("of two operators at once one is told, and nothing of that step was done", async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 6 }, (_, at) => dict("publish", NEW, "--keys", `p${at}:*`, "--json")),
    );
    const done = outcomes.filter(({ code }) => code === 0).length;
    const told = outcomes.filter(({ code }) => code === 1);
    expect(done).toBeGreaterThan(0);
    expect(done + told.length).toBe(6);
    for (const { errors } of told) {
      expect(errors).toMatch(
        /^Cannot change the manifest: another has changed version \d+ meanwhile, and nothing of this was done\. "zstash dict list" shows what they did; then try again\n$/,
      );
    }
    const { version } = jsonOf<{ version: number }>(await dict("list", "--json"));
    expect(version).toBe(done);
  });

  test("what is not there is told, with what may have been meant", async () => {
    await out("publish", NEW, "--keys", "session:*", "--canary", "1");
    const near = `${a}`.replace(/.$/, (digit) => `${(Number(digit) + 1) % 10}`);
    expect(await fails(1, "show", near)).toBe(`There is no dictionary ${near}. Did you mean "${a}"?\n`);
    expect(await fails(1, "retire", near)).toBe(
      `Cannot retire ${near}: no pattern uses it. Did you mean "${a}"?\n`,
    );
    expect(await fails(1, "promote", "sesion:*")).toBe(
      'Cannot promote: no dictionary is published for sesion:*. Did you mean "session:*"?\n',
    );
    expect(await fails(1, "promote", "session:*")).toBe("Cannot promote: there is no canary for session:*\n");
    expect(await fails(1, "promote", "session:*", "--id", near)).toMatch(
      /never published for session:\*\. Did/,
    );
    await out("publish", OLD, "--keys", "session:*", "--canary", "1");
    expect(await fails(1, "promote", "session:*")).toBe(
      `Cannot promote: there is no canary for session:*. A retired one comes back with --id: ${a}\n`,
    );
    expect(await out("publish", NEW, "--keys", "session:eu:*")).toContain(
      "\nIt is not used where session:* matches too: that pattern was there before\n",
    );
    await rig().send(["DEL", keyOf(first)]);
    expect(await out("list")).toMatch(
      new RegExp(`  gone\n[^]*\n${a} is gone, and values that name it with it: `),
    );
    await rig().send(["SET", "zstash:dicts", "nonsense"]);
    expect(await fails(1, "list")).toMatch(/^Cannot use the manifest of dictionaries: it is not JSON/);
  });

  test.each([
    [["show", "12"], 2, "Cannot use the id 12: ids in Redis are numbers from 32768 to 2147483647"],
    [["show", "no-such-file"], 1, "Cannot read no-such-file: there is no such file"],
    [
      ["retire", "x"],
      2,
      'Cannot retire "x": the id of a dictionary is expected. "zstash dict list" lists the ids',
    ],
    [["publish", "x"], 2, "Cannot publish a dictionary without its keys: give --keys, as 'session:*'"],
    [["publish", "--keys", "*"], 2, '<file> is missing. See "zstash dict publish --help"'],
    [["publish", "no-such-file", "--keys", "*"], 1, "Cannot read no-such-file: there is no such file"],
    [["publish", "/", "--keys", "*"], 1, "Cannot read /: it is a folder"],
    [
      ["publish", "package.json", "--keys", "*"],
      1,
      'Raw content has none: "zstash train" without --raw makes one',
    ],
    [
      ["publish", "x", "--keys", "*", "--canary", "2"],
      2,
      "Cannot use --canary: a share from 0 to 1 is expected",
    ],
    [["lst"], 2, 'Did you mean "list"?'],
    [["gc", "--dlete"], 2, 'Did you mean "--delete"? See "zstash dict gc --help"'],
  ])("%j is exit code %i", async (args, code, text) => {
    expect(await fails(code, ...args)).toContain(text);
  });

  test("a reader's token and a wrong one are told what they lack, and are not shown", async () => {
    const { url } = rig();
    for (const [token, args, text] of [
      [
        READER,
        ["list"],
        /NOPERM .* Use a token that may read and scan: --token or UPSTASH_REDIS_REST_TOKEN\n$/,
      ],
      [READER, ["mode", "off"], /NOPERM .* Use a token that may read and write: --token or/],
      [READER, ["publish", NEW, "--keys", "*"], /NOPERM .* Use a token that may read and write: --token or/],
      [READER, ["gc", "--delete"], /NOPERM .* Use a token that may read all keys: --token or/],
      ["another-token", ["list"], /Check --token or UPSTASH_REDIS_REST_TOKEN\n$/],
    ] as const) {
      const { code, output, errors } = await cli.run(["dict", ...args], { env: environmentOf(url, token) });
      expect({ code, output }).toEqual({ code: 1, output: "" });
      expect(errors).toMatch(text);
      expect(errors).not.toContain(token);
    }
    // What only names keys works with it.
    expect((await cli.run(["dict", "mode"], { env: environmentOf(url, READER) })).code).toBe(0);
    expect((await rig().send(["DBSIZE"]))[0]).toBe(0);
    expect((await cli.run(["dict", "list"])).errors).toBe(
      "Cannot list dictionaries without a url: give --url or set UPSTASH_REDIS_REST_URL\n",
    );
  });

  test.runIf(terminalAvailable())("fits 80 columns, and shows how far a count is", async () => {
    const { env, send } = rig();
    const long = `${"a-long-pattern:".repeat(8)}*`;
    await out("publish", NEW, "--keys", long, "--canary", "1");
    await out("publish", OLD, "--keys", "\u001b[2Jevil*", "--canary", "0.123456");
    await send(...Array.from({ length: 900 }, (_, at) => ["SET", `k${at}`, "x"]));
    for (const args of [["list"], ["gc"], ["mode", "off"], ["retire", `${a}`], ["list"]]) {
      const { code, output } = await cli.terminal(["dict", ...args], { env });
      expect(code).toBe(0);
      for (const line of shown(output).split("\n")) {
        if (!line.includes("a-long-pattern") || args[0] === "list")
          expect(widthOf(line), line).toBeLessThanOrEqual(80);
        expect(line).not.toContain("\u001b[2J");
      }
      if (args[0] === "gc") expect(output).toMatch(/\[#*-*\] \d+ % {2}\d+ of about 90\d keys looked at/);
    }
  });
});

describe.runIf(backends.includes("redis-server"))("zstash dict where Redis evicts", () => {
  const redis = useRedis(["--maxmemory-policy", "allkeys-lru"]);

  test("publish refuses, unless it is told", async () => {
    const server = await createDevServer({ redis: redis().url, token: TOKEN });
    try {
      const env = environmentOf((await server.listen()).url, TOKEN);
      const refused = await cli.run(["dict", "publish", NEW, "--keys", "*"], { env });
      expect(refused).toMatchObject({ code: 1, output: "" });
      expect(refused.errors).toBe(
        "Cannot publish the dictionary: its eviction policy is allkeys-lru, which may remove the dictionary while values need it. Set maxmemory-policy to noeviction or a volatile one, or add --allow-eviction and keep the file\n",
      );
      const told = await cli.run(["dict", "publish", NEW, "--keys", "*", "--allow-eviction"], { env });
      expect(told).toMatchObject({ code: 0, errors: "" });
      expect(told.output).toContain("\nKeep the file: the eviction policy is allkeys-lru, which may remove");
    } finally {
      await server.close();
    }
  });
});
