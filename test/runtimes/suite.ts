/** The conformance suite on the package as a user imports it; what each runtime runs and reports. */
import { Redis } from "@upstash/redis";
import { loadZstd, readDictionary, readFrameHeader, readSeekTable, segmentSize, ZstashError } from "zstash";
import { loadDecoder } from "zstash/decode";
import { createDevServer } from "zstash/dev";
import { withCompression } from "zstash/upstash";
import type { Context, UpstashContext } from "../conformance/case.ts";
import { runCases, type Report } from "../conformance/index.ts";

const HOST = "http://zstash.test";

/** A server in this process: requests to its host never leave it. */
const upstash: UpstashContext = {
  withCompression,
  async start() {
    const token = "conformance";
    const server = await createDevServer({ backend: "embedded", token });
    const outside = globalThis.fetch;
    globalThis.fetch = (input, init) => {
      const request = input instanceof Request ? input : new Request(String(input), withoutCache(init));
      return request.url.startsWith(HOST) ? server.fetch(request) : outside(input, init);
    };
    return {
      connect: () => new Redis({ url: HOST, token, enableTelemetry: false, keepAlive: false }),
      async stop() {
        globalThis.fetch = outside;
        await server.close();
      },
    };
  },
};

/** Some edge runtimes refuse a Request with a cache mode. */
function withoutCache(init: RequestInit | undefined): RequestInit | undefined {
  if (init === undefined) return undefined;
  const { cache: _, ...rest } = init;
  return rest;
}

const withDictionaries: NonNullable<Context["withDictionaries"]> = async (dictionaries) => {
  const [zstd, decoder] = await Promise.all([loadZstd({ dictionaries }), loadDecoder({ dictionaries })]);
  return { zstd, decoder };
};

/** Runs every case; JSON-serialisable. */
export async function report(): Promise<Report> {
  const [zstd, decoder] = await Promise.all([loadZstd(), loadDecoder()]);
  return runCases({
    zstd,
    decoder,
    ZstashError,
    readFrameHeader,
    readSeekTable,
    segmentSize,
    readDictionary,
    withDictionaries,
    upstash,
  });
}
