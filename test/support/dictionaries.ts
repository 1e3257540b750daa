/** Dictionaries in zstd's format for tests, and records like those that they were trained on. */
import { readFileSync } from "node:fs";
import { createRandom } from "../../bench/corpus/random.mjs";

const vector = (name: string): Uint8Array<ArrayBuffer> =>
  new Uint8Array(readFileSync(new URL(`../vectors/dictionaries/${name}`, import.meta.url)));

/** Trained on records of sessions; `impostor` has the id of `newer` and other content. */
export const newer: Uint8Array<ArrayBuffer> = vector("sessions-1001.dict");
export const older: Uint8Array<ArrayBuffer> = vector("sessions-1002.dict");
export const impostor: Uint8Array<ArrayBuffer> = vector("other-1001.dict");
export const NEWER = 1001;
export const OLDER = 1002;

/** A record of a session. */
export interface Session {
  readonly session: string;
  readonly user: { readonly id: number; readonly name: string; readonly roles: readonly string[] };
  readonly cart: readonly object[];
  readonly createdAt: string;
}

/** The record of an id, of 250 to 450 bytes in JSON. */
export function sessionOf(id: number): Session {
  const random = createRandom(id + 1);
  return {
    session: random.uint32().toString(16),
    user: {
      id,
      name: random.pick(["ada", "grace", "edsger", "barbara", "alan", "donald"]),
      roles: [random.pick(["editor", "reader"]), random.pick(["owner", "author"])],
    },
    cart: Array.from({ length: 2 + random.below(3) }, () => ({
      sku: `SKU-${1000 + random.below(9000)}`,
      quantity: 1 + random.below(9),
      price: { currency: "EUR", amount: random.below(100_000) / 100 },
    })),
    createdAt: `2026-11-${10 + random.below(20)}T10:00:00Z`,
  };
}
