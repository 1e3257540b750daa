/** `zstash doctor` against real servers of every kind: what it finds, what it writes, and what it never prints. */
import { spawnSync } from "node:child_process";
import { createServer } from "node:http";
import type { RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, test } from "vitest";
import type { RequestRecord } from "../../../src/dev/index.ts";
import { loadZstd } from "../../../src/codec/zstd.ts";
import { createDictionaryManager } from "../../../src/life-cycle/index.ts";
import { toTextCarrier } from "../../../src/value/carrier.ts";
import { backends } from "../../support/backends.ts";
import { newer, sessionOf } from "../../support/dictionaries.ts";
import { freePort, redisAvailable, startRedis } from "../../support/redis.ts";
import { requireOrSkip } from "../../support/require-or-skip.ts";
import { linesShown, READER, serve, TOKEN, useCli, useServer } from "./rig.ts";
import type { Run } from "./rig.ts";

const hasScript = requireOrSkip(
  "script",
  spawnSync("script", ["--version"]).status === 0,
  "apt-get install bsdutils",
  false,
);

interface Report {
  readonly rows: readonly {
    readonly name: string;
    readonly state: string;
    readonly found: string;
    readonly advice?: string;
  }[];
  readonly uses: readonly string[];
  readonly can: Readonly<Record<string, unknown>>;
  readonly counts?: Readonly<Record<string, number>>;
}

const reportOf = ({ output }: Run): Report => JSON.parse(output.toString()) as Report;
/** The states by the names of the rows. */
const statesOf = (report: Report): Record<string, string> =>
  Object.fromEntries(report.rows.map(({ name, state }) => [name, state]));

describe.each(backends)("on %s", (backend) => {
  const records: RequestRecord[] = [];
  const served = useServer({ backend, onRequest: (record) => records.push(record) });
  const cli = useCli(served);
  const doctor = (...args: string[]): Promise<Run> => cli().run(["doctor", "--json", ...args]);

  test("all is well; one key of its own is written and removed", async () => {
    await served().command("SET", "before", "value");
    records.length = 0;
    const run = await doctor();
    expect(run).toMatchObject({ code: 0, errors: "" });
    expect(reportOf(run)).toMatchObject({
      can: { rawBodies: true, resp2: true, base64: true, pipelines: true, transactions: true, writes: true },
      uses: expect.arrayContaining([
        "values go up as a request's body, as they are",
        "values come down in RESP2, as they are",
      ]),
    });
    const written = records.filter(({ commands }) => commands.some((one) => /^(SET|DEL)$/.test(one)));
    expect(written.length).toBeGreaterThanOrEqual(2);
    expect(new Set(written.map(({ key }) => key)).size).toBe(1);
    expect(written[0]!.key).toMatch(/^zstash:doctor:[0-9a-f]{16}$/);
    expect(await served().command("KEYS", "*")).toEqual(["before"]);
  });

  test("--read-only writes nothing, with either token", async () => {
    for (const token of [TOKEN, READER]) {
      records.length = 0;
      const run = await doctor("--read-only", "--token", token);
      expect(run.code).toBe(0);
      expect(statesOf(reportOf(run))).toMatchObject({ "raw bodies": "skip", token: "skip", RESP2: "ok" });
      const commands = new Set(records.flatMap((record) => record.commands));
      for (const name of commands)
        expect("PING INFO GET ECHO STRLEN EVAL_RO DIGEST TIME GETRANGE SCAN DBSIZE", name).toMatch(
          new RegExp(`\\b${name}\\b`),
        );
    }
  });

  test("a reader's token is told, and is no failure", async () => {
    const run = await doctor("--token", READER);
    expect(run.code).toBe(0);
    expect(statesOf(reportOf(run))).toMatchObject({
      token: "warn",
      "raw bodies": "skip",
      transactions: expect.stringMatching(/ok|skip/),
      values: "skip",
    });
    expect(reportOf(run).uses).toContain("nothing is written with this token");
  });

  test("values are counted by their carrier", async () => {
    const zstd = await loadZstd();
    const frame = zstd.compress("abc ".repeat(500));
    for (let index = 0; index < 150; index++)
      await served().command("SET", `text:${index}`, toTextCarrier(frame));
    for (let index = 0; index < 20; index++) await served().setBytes(`raw:${index}`, frame);
    await served().command("SET", "plain", "x".repeat(3000));
    await served().command("HSET", "hash", "f", "v");
    const { counts, rows } = reportOf(await doctor());
    expect(counts).toMatchObject({
      keys: 173,
      text: 150,
      raw: 20,
      large: 1,
      largeSize: 3000,
      small: 1,
      otherTypes: 1,
    });
    expect(rows.at(-1)!.found).toMatch(/^173 keys: 20 raw, 150 text, /);
    const sample = reportOf(await doctor("--sample", "100"));
    expect(sample.counts!["keys"]).toBe(100);
    expect(sample.rows.at(-1)!.found).toMatch(/^100 keys of 173: /);
    expect(statesOf(reportOf(await doctor("--sample", "0")))).toMatchObject({ values: "skip" });
  });

  test("a dictionary that is named and gone is a failure, and so is a manifest that is none", async () => {
    const manager = createDictionaryManager({ url: served().url, token: TOKEN });
    const { id } = await manager.publish(newer, { pattern: "session:*", share: 1 });
    expect(statesOf(reportOf(await doctor()))).toMatchObject({ dictionaries: "ok" });
    await served().command("DEL", `zstash:dict:${id}`);
    const gone = await doctor();
    expect(gone.code).toBe(1);
    expect(gone.output.toString()).toContain(`zstash:dict:${id} is named by zstash:dicts and is gone`);
    await served().command("SET", "zstash:dicts", JSON.stringify(sessionOf(1)));
    expect(statesOf(reportOf(await doctor()))).toMatchObject({ dictionaries: "fail" });
    await served().command("DEL", "zstash:dicts");
  });
});

describe("servers that can do less", () => {
  const cli = useCli(useServer({ backend: "embedded" }));

  test.each([
    ["no RESP2", { noResp2: true }, { RESP2: "warn" }, "values come down in base64 in JSON, a third longer"],
    [
      "no raw bodies",
      { noRawBody: true },
      { "raw bodies": "warn" },
      "large values are stored only up to 2 MiB compressed: raw bodies are missing",
    ],
    ["no scripts", { noScripts: true }, { scripts: "ok" }, "ranges of values are read by transactions"],
    [
      "limits",
      { maxRequestSize: 2_000_000 },
      { limits: "ok" },
      "large values are stored in pieces under a temporary key, published by a transaction; a piece fits the limit above",
    ],
  ] as const)("%s", async (_, options, states, use) => {
    const server = await serve({ backend: backends.at(-1)!, ...options });
    try {
      const run = await cli().run(["doctor", "--json", "--limits"], {
        env: { UPSTASH_REDIS_REST_URL: server.url },
      });
      const report = reportOf(run);
      expect(run.code).toBe(0);
      expect(statesOf(report)).toMatchObject(states);
      expect(report.uses).toContain(use);
      expect(report.can["requestSize"]).toBe("maxRequestSize" in options ? 2_000_000 : 10_485_760);
      expect(await server.command("KEYS", "*")).toEqual([]);
    } finally {
      await server.server.close();
    }
  });

  test.skipIf(!redisAvailable())("eviction that may take dictionaries is warned of", async () => {
    const redis = await startRedis(["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"]);
    const server = await serve({ redis: redis.url });
    try {
      const run = await cli().run(["doctor", "--json"], { env: { UPSTASH_REDIS_REST_URL: server.url } });
      expect(reportOf(run).rows.find(({ name }) => name === "eviction")).toMatchObject({
        state: "warn",
        found: expect.stringMatching(/^allkeys-lru: .* used of 100\.0 MiB$/),
      });
    } finally {
      await server.server.close();
      await redis.stop();
    }
  });

  test("pages are asked for by their origin", async () => {
    const server = await serve({ backend: "embedded", origins: ["https://app.example"] });
    try {
      const found = async (...args: string[]): Promise<string | undefined> => {
        const env = { UPSTASH_REDIS_REST_URL: server.url };
        const report = reportOf(await cli().run(["doctor", "--json", "--sample", "0", ...args], { env }));
        return report.rows.find(({ name }) => name === "CORS")?.found;
      };
      expect(await found("--origin", "https://app.example")).toBe("pages of https://app.example may call");
      expect(await found()).toMatch(/^pages of https:\/\/example\.com may not call/);
    } finally {
      await server.server.close();
    }
  });
});

describe("what is no server of ours", () => {
  const served = useServer({ backend: "embedded" });
  const cli = useCli(served);

  const withHttp = async (listener: RequestListener, work: (url: string) => Promise<void>): Promise<void> => {
    const server = createServer(listener);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  };

  test.each<readonly [string, RequestListener, RegExp]>([
    ["a page", (_, response) => response.end("<html>hello</html>"), /no Redis REST API: it answered 200/],
    ["JSON of something else", (_, response) => response.end('{"ok":true}'), /no Redis REST API/],
    ["404", (_, response) => response.writeHead(404).end("not found"), /no Redis REST API: it answered 404/],
    [
      "a redirect",
      (_, response) => response.writeHead(302, { location: "https://login.example/x" }).end(),
      /redirects to login\.example/,
    ],
    ["one that breaks", (request) => request.socket.destroy(), /not reached: the connection failed/],
    [
      "one that repeats the token",
      ({ headers }, response) =>
        response.writeHead(401).end(JSON.stringify({ error: `no such ${headers.authorization}` })),
      /refused: no such/,
    ],
  ])("%s", async (_, listener, text) => {
    await withHttp(listener, async (url) => {
      for (const more of [[], ["--json"]]) {
        const { code, output, errors } = await cli().run(["doctor", ...more], {
          env: { UPSTASH_REDIS_REST_URL: url },
        });
        expect(code).toBe(1);
        expect(output.toString().replaceAll(/\s+/g, " ")).toMatch(text);
        expect(output.toString() + errors).not.toContain(TOKEN);
      }
    });
  });

  test("nothing at all, a wrong token, a wrong URL, and wrong options", async () => {
    const { run } = cli();
    const url = `http://127.0.0.1:${await freePort()}`;
    expect((await run(["doctor", "--url", url])).output.toString()).toMatch(
      /fail +server +not reached at [\d.:]+: it refused the\s+connection/,
    );
    const wrong = await run(["doctor", "--token", "a-wrong-token"]);
    expect(wrong).toMatchObject({ code: 1 });
    expect(wrong.output.toString()).toMatch(
      /fail +token +refused: WRONGPASS[^]*→ Check --token or UPSTASH_REDIS_REST_TOKEN/,
    );
    expect(wrong.output.toString()).not.toContain("a-wrong-token");
    for (const [args, text] of [
      [["--url", "rediss://x.example:6379"], /"url" is the TCP address: take the REST one/],
      [["--url", "x.example"], /"url" must be an http or https URL/],
      [["--token", "a b"], /"token" must be a text of visible ASCII/],
      [["--origin", "app.example"], /as https:\/\/app\.example/],
      [["--sample", "many"], /--sample: a whole number from 0/],
      [["extra"], /extra/],
    ] as const)
      expect(await run(["doctor", ...args])).toMatchObject({ code: 2, errors: expect.stringMatching(text) });
  });

  test.skipIf(!hasScript)("in a terminal no line is wider than it", async () => {
    for (const columns of [80, 60]) {
      const line = `stty cols ${columns}; exec "${process.execPath}" "${cli().path}" doctor --sample 10`;
      const { output, code } = await cli().shell(`script -qec '${line}' /dev/null`, {
        env: { TERM: "xterm-256color" },
      });
      expect(code).toBe(0);
      expect(output.includes("\x1b[32mok")).toBe(true);
      const lines = linesShown(output);
      expect(lines.length).toBeGreaterThan(20);
      for (const one of lines) expect([...one].length, one).toBeLessThanOrEqual(columns);
    }
  });
});
