/** Version 0.1.0 as it was, out of its tarball: what it writes has to be read, and what is written today it has to read or refuse. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Redis } from "@upstash/redis";
import type { Store, StoreOptions } from "../../src/store/index.ts";
import type { CompressionOptions } from "../../src/upstash/index.ts";
import { root } from "./repository.ts";

/** What tests use of it. */
export interface Frozen {
  readonly createStore: (options: StoreOptions) => Store;
  /** With `url` and `token` it sends by itself, in the raw carrier. */
  readonly withCompression: (
    redis: Redis,
    options?: CompressionOptions & { readonly url?: string; readonly token?: string },
  ) => Redis;
  remove(): void;
}

/** Unpacks it and loads it. */
export async function loadFrozen(): Promise<Frozen> {
  const folder = mkdtempSync(join(tmpdir(), "zstash-frozen-"));
  execFileSync("tar", ["xzf", join(root, "test/fixtures/frozen/zstash-0.1.0.tgz"), "-C", folder]);
  const load = (file: string): Promise<unknown> =>
    import(/* @vite-ignore */ pathToFileURL(join(folder, "package/dist", file)).href);
  const { createStore } = (await load("store/index.js")) as Frozen;
  const { withCompression } = (await load("upstash/index.js")) as Frozen;
  return { createStore, withCompression, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
