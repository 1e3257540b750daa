/** The conformance suite on the package as a user imports it; what each runtime runs and reports. */
import { loadZstd, readDictionary, readFrameHeader, readSeekTable, segmentSize, ZstashError } from "zstash";
import { loadDecoder } from "zstash/decode";
import { createDevServer } from "zstash/dev";
import { Redis } from "zstash/redis";
import { serve, serveKey } from "zstash/serve";
import { createStore } from "zstash/store";
import { trainDictionary } from "zstash/train";
import { withCompression, zstashCode } from "zstash/upstash";
import type { Context, UpstashContext } from "../conformance/case.ts";
import { runCases, type Report } from "../conformance/index.ts";
import { clientsOf } from "./clients.ts";

const withDictionaries: NonNullable<Context["withDictionaries"]> = async (dictionaries) => {
  const [zstd, decoder] = await Promise.all([loadZstd({ dictionaries }), loadDecoder({ dictionaries })]);
  return { zstd, decoder };
};

/**
 * Runs every case, those of the client against a server that listens there, and leaves the hash of their names under
 * the key "ran"; JSON-serialisable.
 */
export async function report(server: UpstashContext["server"]): Promise<Report> {
  const [zstd, decoder] = await Promise.all([loadZstd(), loadDecoder()]);
  const connect = clientsOf(server);
  const result = await runCases({
    zstd,
    decoder,
    ZstashError,
    readFrameHeader,
    readSeekTable,
    segmentSize,
    readDictionary,
    withDictionaries,
    trainDictionary,
    serving: { serve, serveKey },
    upstash: { Redis, withCompression, zstashCode, createDevServer, createStore, server, connect },
  });
  await connect().set("ran", `hash ${result.hash}`);
  return result;
}
