/** Every method of a store has an example in its docstring, and the examples run as they stand there. */
import { transformSync } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createDevServer, type DevServer } from "../../../src/dev/index.ts";
import { createStore, type Store } from "../../../src/store/index.ts";
import { read } from "../../support/repository.ts";

const text = read("src/store/index.ts");
const store = /^export interface Store \{$([^]*?)^\}$/m.exec(text)![1]!;
/** The members of the interface with what stands before them. */
const members = [...store.matchAll(/\/\*\*((?:(?!\*\/)[^])*)\*\/\s+(\w+)\(/g)].map(([, comment, name]) => ({
  name: name!,
  examples: [...comment!.matchAll(/```ts\n([^]*?)\s*\* ```/g)].map(([, code]) =>
    code!.replaceAll(/^\s*\* ?/gm, ""),
  ),
}));

describe("examples of Store", () => {
  let server: DevServer;
  let opened: Store;
  beforeAll(async () => {
    server = await createDevServer({ backend: "embedded" });
    opened = createStore({ url: "http://localhost", token: server.token, fetch: server.fetch });
  });
  afterAll(() => server.close());

  test("are there for every method but one, which is in the example of another", () => {
    expect(members.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["put", "get", "getBytes", "getText", "getRange", "stat", "delete"]),
    );
    expect(members.filter(({ examples }) => examples.length === 0).map(({ name }) => name)).toEqual([
      "removeTemporaryKeys",
    ]);
  });

  test.each(members.flatMap(({ name, examples }) => examples.map((code) => ({ name, code }))))(
    "$name",
    async ({ code }) => {
      await opened.put("report", JSON.stringify(Array.from({ length: 2000 }, (_, day) => ({ day }))));
      await opened.put("picture", new Uint8Array(4000));
      const body = transformSync(`export const run = async (store, response) => {\n${code}\n};`, {
        loader: "ts",
        format: "esm",
      }).code;
      const module = (await import(`data:text/javascript,${encodeURIComponent(body)}`)) as {
        run(store: Store, response: Response): Promise<void>;
      };
      await module.run(opened, new Response("a line of a log\n".repeat(500)));
    },
  );
});
