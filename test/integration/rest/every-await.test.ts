/** Every `await` of the transport fails in turn: the result is right or an error is named, nothing runs twice, nothing stays open. */
import { afterAll, afterEach, expect, test } from "vitest";
import { ZstashError } from "../../../src/errors.ts";
import { createDevServer, type DevServerSwitches } from "../../../src/dev/index.ts";
import { openBulk } from "../../../src/rest/bulk-stream.ts";
import type { RestClient } from "../../../src/rest/client.ts";
import type { Fetch } from "../../../src/rest/exchange.ts";
import { readRestOptions } from "../../../src/rest/rest-options.ts";
import { loadInstrumented, onAwait } from "../../support/faults/awaits.ts";
import { leaks, loggedText } from "../../support/faults/judge.ts";
import { CANARY, TOKEN } from "../../support/faults/operations.ts";
import { watchRejections } from "./rig.ts";

const Client = await loadInstrumented();
const rejections = watchRejections();
const counts = { places: new Set<string>(), cases: 0, results: 0, errors: 0 };
afterEach(() => onAwait(undefined));
afterAll(() => {
  rejections.stop();
  console.info(
    `awaits: ${counts.places.size} places in src/rest/, ${counts.cases} failed in turn: ` +
      `${counts.results} right results, ${counts.errors} errors`,
  );
});

const bytes = new TextEncoder().encode(`${CANARY} as bytes`);
const asText = () => ["SET", "k", `${CANARY} as text`];

interface Case {
  readonly name: string;
  readonly switches?: DevServerSwitches;
  readonly run: (client: RestClient) => Promise<unknown>;
  /** The most that the server may carry out of commands that must not run twice. */
  readonly counted?: boolean;
}

const cases: readonly Case[] = [
  { name: "a read", run: (client) => client.command(["GET", "kept"]) },
  { name: "a raw write", run: (client) => client.command(["SET", "k", bytes], { asText }) },
  { name: "a write that runs once", run: (client) => client.command(["INCR", "n"]), counted: true },
  {
    name: "a pipeline",
    run: (client) =>
      client.batch("pipeline", [
        ["GET", "kept"],
        ["GET", "none"],
      ]),
  },
  {
    name: "a transaction that runs once",
    run: (client) => client.batch("multi-exec", [["INCR", "n"]]),
    counted: true,
  },
  {
    name: "a stream",
    async run(client) {
      const reply = await client.open(["GET", "kept"], openBulk);
      if (reply.kind === "stream") return new Response(reply.stream).text();
      // In base64 it comes whole.
      return reply.kind === "bulk" && reply.bytes !== null ? new TextDecoder().decode(reply.bytes) : reply;
    },
  },
  { name: "a refused command", run: (client) => client.command(["INCR", "kept"]) },
  {
    name: "a server without raw bodies",
    switches: { noRawBody: true },
    run: (client) => client.command(["SET", "k", bytes], { asText }),
  },
  {
    name: "a server without RESP2",
    switches: { noResp2: true },
    run: (client) => client.command(["GET", "kept"]),
  },
];

/** Runs a case on a server of its own; `fail` is asked at each await. */
async function attempt({ run, switches }: Case, fail: (place: string) => Error | undefined) {
  const server = await createDevServer({ backend: "embedded", token: TOKEN, ...switches });
  let open = 0;
  const fetch: Fetch = async (url, init) => {
    const { status, headers, body } = await server.fetch(new Request(url, init));
    if (body === null) return new Response(null, { status, headers });
    open += 1;
    const reader = body.getReader();
    const counted = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const { done, value } = await reader.read();
        if (!done) return controller.enqueue(value);
        open -= 1;
        controller.close();
      },
      cancel(reason) {
        open -= 1;
        return reader.cancel(reason);
      },
    });
    return new Response(counted, { status, headers });
  };
  const settings = (own: Fetch) =>
    readRestOptions({
      url: "http://127.0.0.1:1",
      token: TOKEN,
      fetch: own,
      retry: { retries: 2, backoff: () => 0 },
    });
  onAwait(undefined);
  const clean = new Client(settings((url, init) => server.fetch(new Request(url, init))));
  await clean.command(["SET", "kept", `${CANARY} kept`]);
  const client = new Client(settings(fetch));
  onAwait((work, place) => {
    counts.places.add(place);
    const error = fail(place);
    if (error === undefined) return work;
    // A step that fails gives nothing that would have to be closed.
    Promise.resolve(work).then(release, () => undefined);
    return Promise.reject(error);
  });
  let outcome: { readonly result?: unknown; readonly error?: unknown };
  try {
    outcome = { result: await run(client) };
  } catch (error) {
    outcome = { error };
  }
  onAwait(undefined);
  // What nobody waits for any more comes to its end.
  for (let turn = 0; turn < 20 && open > 0; turn++) await new Promise((resolve) => setTimeout(resolve, 5));
  const n = await clean.command(["GET", "n"]);
  const ran = n.kind === "bulk" && n.bytes !== null ? Number(new TextDecoder().decode(n.bytes)) : 0;
  await server.close();
  return { ...outcome, open, ran };
}

async function release(given: unknown): Promise<void> {
  const reply = (given ?? {}) as { close?(): void; status?: number; read?(): Promise<unknown> };
  if (reply.close !== undefined) reply.close();
  // The head of a response: its body is read to the end.
  else if (reply.status !== undefined) while ((await reply.read?.()) !== undefined);
}

const faults: readonly [name: string, make: () => Error][] = [
  ["as a broken connection does", () => new ZstashError("REDIS", "Cannot reach the server: injected")],
  ["with an error of nobody's", () => new Error("injected")],
];

test.each(cases)("$name", async (one) => {
  let total = 0;
  const expected = await attempt(one, () => void (total += 1));
  expect(expected).not.toHaveProperty("error");
  expect(total).toBeGreaterThan(4);
  const wrong: string[] = [];
  for (const [name, make] of faults) {
    for (let at = 0; at < total; at++) {
      let left = at;
      let where = "";
      const { result, error, open, ran } = await attempt(one, (place) => {
        if (left-- !== 0) return undefined;
        where = place;
        return make();
      });
      counts.cases += 1;
      const say = (what: string): void => void wrong.push(`${where} (await ${at}), ${name}: ${what}`);
      if (error === undefined) {
        counts.results += 1;
        try {
          expect(result).toEqual(expected.result);
        } catch {
          say(`wrong result ${JSON.stringify(result)}`);
        }
      } else {
        counts.errors += 1;
        const isNamed = error instanceof ZstashError || (error as Error).message === "injected";
        if (!isNamed) say(`unnamed ${String(error)}`);
        if (leaks(loggedText(error)).length > 0) say("a leak");
      }
      if (open !== 0) say(`${open} replies stay open`);
      if (one.counted === true && ran > 1) say(`ran ${ran} times`);
      if (one.counted === true && error === undefined && ran !== 1) say("a result, and it has not run");
    }
  }
  expect(wrong).toEqual([]);
});

test("nothing was rejected without being handled", async () => {
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(rejections.seen).toEqual([]);
  expect(counts.places.size).toBeGreaterThan(10);
});
