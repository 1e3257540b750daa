/** The requester of a client whose requests zstash sends: it compresses, and speaks Redis over HTTP by itself. */
import { requireOptions } from "../check.ts";
import { readRestOptions, restOptionNames, type RestOptions } from "../rest/rest-options.ts";
import { mark } from "./mark.ts";
import { createRequest } from "./middleware.ts";
import type { CommandReply, CommandRequest } from "./plan.ts";
import { RawTransport } from "./raw-transport.ts";
import { readClientSettings, type ClientCompressionOptions } from "./settings.ts";

/** Options of `createRequester`. */
export interface RequesterOptions extends RestOptions {
  /** How values are compressed. Default: as `withCompression` does it, in the raw carrier. */
  readonly compression?: ClientCompressionOptions | undefined;
  /** As in the SDK: false for texts as JSON has them, with a byte order mark at their start. Default "base64". */
  readonly responseEncoding?: "base64" | false | undefined;
}

/** What a client says of itself and its platform in the headers of its requests. */
export interface Telemetry {
  readonly runtime?: string | undefined;
  readonly platform?: string | undefined;
  readonly sdk?: string | undefined;
}

/** What `new Redis(requester)` of `@upstash/redis` takes. Its `use()` replaces `request`. */
export interface CompressingRequester {
  /** Read your writes also from replicas. */
  readYourWrites: boolean;
  /** The token of the last reply, which the next request sends; empty before the first. */
  upstashSyncToken: string;
  request<Result = unknown>(request: CommandRequest): Promise<CommandReply<Result>>;
  /** Adds what a client says of itself to the headers of every request. */
  mergeTelemetry(telemetry: Telemetry): void;
}

/**
 * Makes a requester for a `new Redis(requester)` of one's own: values are compressed, travel as bytes and lie in Redis as
 * their frames. `Redis` of `zstash/redis` is the same with the options of the SDK.
 *
 * The SDK gives a client with a requester neither options nor automatic pipelines, and only its entry for Node, which is
 * `@upstash/redis` itself, takes one.
 *
 * @throws {TypeError | RangeError} naming the option that is wrong, never its value
 * @example
 * ```ts
 * import { Redis } from "@upstash/redis";
 * import { createRequester } from "zstash/upstash";
 *
 * const redis = new Redis(createRequester({ url, token, compression: { policy: { minSize: 2048 } } }));
 * ```
 */
export function createRequester(options: RequesterOptions): CompressingRequester {
  requireOptions(options, [...restOptionNames, "compression", "responseEncoding"]);
  const { compression = {}, readYourWrites = true, responseEncoding, ...rest } = options;
  const [settings, carrier] = readClientSettings(compression, options.url);
  const tokens = { readYourWrites, upstashSyncToken: "" };
  const checked = readRestOptions(rest, tokens, settings.onEvent);
  const headers: Record<string, string> = { ...checked.headers };
  // The SDK reads and writes the token on its requester, which is where the transport keeps it.
  const requester: CompressingRequester = Object.assign(tokens, {
    request: createRequest(
      settings,
      new RawTransport({ ...checked, headers }, carrier, responseEncoding === false),
    ),
    mergeTelemetry(telemetry: Telemetry) {
      for (const [name, value] of Object.entries(telemetry)) {
        if (value) headers[`upstash-telemetry-${name}`] = joined(headers[`upstash-telemetry-${name}`], value);
      }
    },
  });
  mark(requester);
  return requester;
}

/** A list with one more name, once. */
function joined(list: string | undefined, name: string): string {
  const names = list === undefined ? [] : list.split(",");
  return names.includes(name) ? names.join(",") : [...names, name].join(",");
}
