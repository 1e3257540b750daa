/** Stores of this version and of 0.1.0 on one database read what the other has put, in every layout. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { createDevServer, type DevServer } from "../../../src/dev/index.ts";
import type { Store } from "../../../src/store/index.ts";
import { loadFrozen, type Frozen } from "../../support/frozen.ts";
import { deployStores, type Address } from "./rig.ts";
import { COUNT, valueOf } from "./values-rig.ts";

const STORED = Math.floor(COUNT / 100);
let server: DevServer;
let frozen: Frozen;
let address: Address;
beforeAll(async () => {
  server = await createDevServer({ backend: "auto" });
  address = { url: (await server.listen()).url, token: server.token };
  frozen = await loadFrozen();
});
afterAll(async () => {
  frozen.remove();
  await server.close();
});

test("values of the store: both versions read what the other has put", async () => {
  const stores = deployStores({ address, frozen, dictionaries: [], onEvent: () => undefined });
  const contentOf = (index: number): string =>
    `${index}|${valueOf(index * 8 + 3, 1).repeat(1 + (index % 9))}`;
  const layouts = [{}, { layout: { frameSize: 2048 } }, { layout: { mtu: 1500 } }] as const;
  const each = async (
    work: (index: number, store: (at: number) => Store) => Promise<void>,
  ): Promise<void> => {
    for (let start = 0; start < STORED; start += 10)
      await Promise.all(
        Array.from({ length: Math.min(10, STORED - start) }, (_, at) =>
          work(start + at, (number) => stores[number % stores.length]!),
        ),
      );
  };
  await each(async (index, store) => {
    await store(index).put(`s:${index}`, contentOf(index), layouts[Math.floor(index / 3) % 3]);
  });
  await each(async (index, store) => {
    for (let number = 0; number < stores.length; number++)
      expect(await store(number).getText(`s:${index}`)).toBe(contentOf(index));
  });
}, 120_000);
