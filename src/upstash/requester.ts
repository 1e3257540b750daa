/** The requester of a client whose requests zstash sends: it compresses, and uses Redis over HTTP itself. */
import { requireOptions } from "../check.ts";
import { readRestOptions, restOptionNames, type RestOptions } from "../rest/rest-options.ts";
import { mark } from "./mark.ts";
import { createRequest } from "./middleware.ts";
import type { CommandReply, CommandRequest } from "./plan.ts";
import { RawTransport } from "./raw-transport.ts";
import { readClientSettings, type ClientCompressionOptions } from "./settings.ts";

/** Options of `createRequester`. */
export interface RequesterOptions extends RestOptions {
  /** How values are compressed. Default: as `withCompression` does it, but in the raw carrier. */
  readonly compression?: ClientCompressionOptions | undefined;
  /** As in the SDK: false returns texts as JSON has them, with a byte order mark at their start. Default "base64". */
  readonly responseEncoding?: "base64" | false | undefined;
}

/** What a client reports about itself and its platform in the headers of its requests. */
export interface Telemetry {
  /** The runtime and its version, such as "node@v22.0.0". */
  readonly runtime?: string | undefined;
  /** Where the program runs, such as "vercel" or "aws". */
  readonly platform?: string | undefined;
  /** The client library and its version; several are joined by commas. */
  readonly sdk?: string | undefined;
}

/** The requester that `new Redis(requester)` of `@upstash/redis` takes. The client's `use()` replaces `request`. */
export interface CompressingRequester {
  /** Whether the client's reads see its own writes, from replicas too. */
  readYourWrites: boolean;
  /** The token of the last reply, which the next request sends; empty before the first. */
  upstashSyncToken: string;
  /**
   * Sends one command, or several as a pipeline or a transaction: values are compressed on the way, and those in the
   * reply are decoded.
   *
   * @example
   * ```ts
   * const requester = createRequester({ url, token });
   * await requester.request({ body: ["ECHO", "hello"] }); // → { result: "hello" }
   * ```
   */
  request<Result = unknown>(request: CommandRequest): Promise<CommandReply<Result>>;
  /**
   * Adds what a client reports about itself to the headers of every request.
   *
   * @example
   * ```ts
   * const requester = createRequester({ url, token });
   * requester.mergeTelemetry({ sdk: "my-library@1.2.0" });
   * ```
   */
  mergeTelemetry(telemetry: Telemetry): void;
}

/**
 * Makes a requester for your own `new Redis(requester)`: values are compressed, sent as bytes and stored as frames.
 * `Redis` of `zstash/redis` is the same with the options of the SDK.
 *
 * A client with a requester has neither the SDK's options nor automatic pipelines, and only the SDK's entry for Node,
 * `@upstash/redis` itself, accepts a requester.
 *
 * @throws {TypeError | RangeError} for a wrong option; the message names it, never its value
 * @example
 * ```ts
 * import { Redis } from "@upstash/redis";
 * import { createRequester } from "zstash/upstash";
 *
 * const redis = new Redis(createRequester({ url, token, compression: { policy: { minSize: 2048 } } }));
 * await redis.ping(); // → "PONG"
 * ```
 */
export function createRequester(options: RequesterOptions): CompressingRequester {
  requireOptions(options, [...restOptionNames, "compression", "responseEncoding"]);
  const { compression = {}, readYourWrites = true, responseEncoding, ...rest } = options;
  const [settings, carrier] = readClientSettings(compression, options.url);
  const tokens = { readYourWrites, upstashSyncToken: "" };
  const checked = readRestOptions(rest, tokens, settings.onEvent);
  const headers: Record<string, string> = { ...checked.headers };
  // The SDK reads and writes the token on its requester, where the transport keeps it.
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

/** A list with one more name, unless it is there already. */
function joined(list: string | undefined, name: string): string {
  const names = list === undefined ? [] : list.split(",");
  return names.includes(name) ? names.join(",") : [...names, name].join(",");
}
