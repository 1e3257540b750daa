/** The rules that divide linear memory among streams and jobs, without any state. */
import { ZstashError } from "../errors.ts";
import type { Pacing } from "./engine.ts";

/** The most bytes that are kept free of streams: for jobs, and for small streams beside paused ones. */
const RESERVE_MAX: number = 16 << 20;

/** The step and the end of the search for a limit that would be enough. */
const LIMIT_STEP: number = 1 << 20;
const LIMIT_MAX = 2 ** 36;

/** The memory that a stream or a job requests from the pool. */
export interface Claim {
  /** Linear memory that it will take, in bytes. */
  readonly estimate: number;
  /**
   * Claims of one kind are served in their order. A job has its whole content in memory and ends soon by itself; a
   * transfer has one end there, and goes on as the network does; a stream is paced by its reader or its source.
   */
  readonly kind: "job" | "transfer" | "compression" | "decompression";
}

/** The kind of a claim for a context of this direction. */
export function claimKind(pacing: Pacing, direction: "compression" | "decompression"): Claim["kind"] {
  if (pacing === "caller") return direction;
  return pacing === "memory" ? "job" : "transfer";
}

/** The bytes in use, by kind. */
export interface Taken {
  all: number;
  job: number;
  transfer: number;
  compression: number;
  decompression: number;
  /** The kinds that have one stream beyond their share; its bytes count only in `all`. */
  readonly beyond: Set<Claim["kind"]>;
}

/** Adds what one claim takes. */
export function count(taken: Taken, { kind }: Claim, size: number): void {
  taken.all += size;
  taken[kind] += size;
}

/** What memory there is to share, in bytes. */
export interface Memory {
  readonly limit: number;
  /** The most that any of the waiting compressions needs. */
  readonly neededByCompression: number;
}

/**
 * Decides whether a claim is granted, and from what: "own" is the share of its kind, "beyond" is the one small stream
 * beside the others of its direction; undefined if it has to wait.
 *
 * - All streams together leave a reserve (a quarter, at most 16 MiB) free; the first stream of a direction may take
 * half of it. One further stream in each direction may take a quarter of the reserve, so that small streams run
 * beside any number of paused ones.
 * - Decompressing streams take at most half of the rest, and nothing that a waiting compression needs: a copy
 * decompresses into a compression, and would otherwise wait for itself.
 * - Jobs never wait for streams: they take free memory, then the reserve, and one job always runs, whatever it takes.
 * - Transfers never wait for streams either: they take free memory, then what jobs leave of the reserve. One that is
 * larger than the reserve waits for free memory. What they take beyond the reserve streams do not get.
 */
export function shareOf(
  { estimate, kind }: Claim,
  taken: Taken,
  { limit, neededByCompression }: Memory,
): "own" | "beyond" | undefined {
  const reserve = reserveOf(limit);
  const free = limit - taken.all;
  if (kind === "job") {
    const granted = estimate <= free || taken.job + estimate <= reserve || taken.job === 0;
    return granted ? "own" : undefined;
  }
  if (kind === "transfer") {
    const granted = estimate <= free || taken.job + taken.transfer + estimate <= reserve;
    return granted ? "own" : undefined;
  }
  const room = limit - reserve;
  const streams = taken.compression + taken.decompression + Math.max(0, taken.transfer - reserve) + estimate;
  // The other half of the reserve is for small streams beside it.
  if (taken[kind] === 0 && streams <= room + reserve / 2) return "own";
  const share = Math.min(room / 2, room - neededByCompression);
  const allowed = kind === "compression" || taken.decompression + estimate <= share;
  if (allowed && streams <= room) return "own";
  const beyond = estimate <= reserve / 4 && !taken.beyond.has(kind) && estimate <= free;
  return beyond ? "beyond" : undefined;
}

/**
 * Refuses a stream that could not even run alone.
 *
 * @throws {ZstashError} OUT_OF_MEMORY that names the limit it needs
 */
export function requirePossible({ estimate, kind }: Claim, memoryLimit: number): void {
  if (kind === "job" || estimate <= memoryLimit - reserveOf(memoryLimit) / 2) return;
  // The limit that leaves this much beside half of its reserve.
  const needed = Math.min((estimate * 8) / 7, estimate + RESERVE_MAX / 2);
  throw new ZstashError(
    "OUT_OF_MEMORY",
    `Cannot start a stream: it takes ${estimate} bytes, and "memoryLimit" is ${memoryLimit}: ` +
      `set it to ${Math.ceil(needed)} or more, or take a lower level or a smaller window`,
  );
}

/** The bytes that all claims of a kind may use together. */
export function shareSize(kind: Claim["kind"], { limit, neededByCompression }: Memory): number {
  const room = limit - reserveOf(limit);
  if (kind === "job" || kind === "transfer") return reserveOf(limit);
  return kind === "compression" ? room : Math.max(0, Math.min(room / 2, room - neededByCompression));
}

/** A limit, in whole MiB, with which a claim would be granted in addition to what is in use; at most 64 GiB. */
export function limitFor(claim: Claim, taken: Taken, memory: Memory): number {
  const granted = (limit: number): boolean => shareOf(claim, taken, { ...memory, limit }) !== undefined;
  let low = Math.floor(memory.limit / LIMIT_STEP);
  let high = low + 1;
  while (!granted(high * LIMIT_STEP) && high * LIMIT_STEP < LIMIT_MAX) high *= 2;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (granted(middle * LIMIT_STEP)) high = middle;
    else low = middle;
  }
  return high * LIMIT_STEP;
}

function reserveOf(limit: number): number {
  return Math.min(limit / 4, RESERVE_MAX);
}
