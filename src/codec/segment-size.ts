/** How many payload bytes fit one TCP segment. */
import { requireBoolean, requireInteger, requireOptions } from "../check.ts";

/** Options of `segmentSize`: the protocols that carry the payload. */
export interface SegmentOptions {
  /**
   * The size in bytes of the largest IP packet on the path, 576…65536: 1500 on Ethernet, 1492 over PPPoE, 1280 in
   * many tunnels.
   */
  readonly mtu: number;
  /** Whether TLS is used. Default true. */
  readonly tls?: boolean;
  /** The major version of HTTP. Default 2, which has the larger framing. */
  readonly http?: 1 | 2;
}

const segmentNames: readonly string[] = ["mtu", "tls", "http"];

/** Every IPv4 host accepts packets of this size (RFC 791); IPv6 requires 1280. */
const MTU_MIN = 576;
const MTU_MAX = 65536;
/** The header of IPv6, which is larger than IPv4's 20 bytes: a path may use either. */
const IP_HEADER = 40;
/** The header and the timestamps option, which Linux, macOS and Windows servers send in every segment. */
const TCP_HEADER = 20 + 12;
/** Record header 5, explicit nonce 8 and tag 16 of AES-GCM in TLS 1.2; TLS 1.3 takes 22. */
const TLS_RECORD = 5 + 8 + 16;
/** HTTP/1.1: a chunk's length in hexadecimal and two line ends; HTTP/2: a frame header (RFC 9113 §4.1). */
const HTTP_FRAMING: Readonly<Record<1 | 2, number>> = { 1: 4 + 2 + 2, 2: 9 };

/**
 * Returns the most payload bytes that always fit one TCP segment, whether the path uses IPv4 or IPv6 and TLS 1.2 or
 * 1.3: 1390 for an MTU of 1500.
 *
 * @throws {RangeError} for an MTU outside 576…65536
 * @example
 * ```ts
 * segmentSize({ mtu: 1500 }); // → 1390
 * ```
 */
export function segmentSize(options: SegmentOptions): number {
  requireOptions(options, segmentNames);
  const { mtu, tls = true, http = 2 } = options;
  requireInteger("mtu", mtu, MTU_MIN, MTU_MAX);
  requireBoolean("tls", tls);
  if (http !== 1 && http !== 2) throw new RangeError(`"http" must be 1 or 2, got ${String(http)}`);
  return mtu - IP_HEADER - TCP_HEADER - (tls ? TLS_RECORD : 0) - HTTP_FRAMING[http];
}
