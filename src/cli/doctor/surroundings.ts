/**
 * Checks the surroundings of a server: its distance, its clock, its eviction, its limits, and whether pages may call
 * it.
 */
import { DEFAULT_REQUEST_SIZE } from "../../limits.ts";
import { bytes } from "../text.ts";
import { duration } from "../units.ts";
import type { Examination, Row } from "./row.ts";
import { ok, skip, warn } from "./row.ts";

const LATENCY_REQUESTS = 10;
/** A round trip of this many milliseconds is too slow for a cache. */
const SLOW = 100;
/** A clock error of this many milliseconds changes times to live that are given in seconds. */
const SKEW = 2000;
/** Headers that clients of zstash send from pages. */
const HEADERS = "authorization, content-type, upstash-encoding, upstash-response-format, upstash-sync-token";
/** Bytes that are uploaded one after another until the server refuses: the plans' limits, and a little more. */
const UPLOADS: readonly number[] = [1, 10, 20, 30, 50, 75, 100].map((mib) => (mib << 20) + 1024);

export async function latency({ probe }: Examination): Promise<Row> {
  const times: number[] = [];
  for (let request = 0; request < LATENCY_REQUESTS; request++) times.push((await probe.command(["PING"])).ms);
  times.sort((a, b) => a - b);
  const median = times[LATENCY_REQUESTS >> 1]!;
  const found = `${median.toFixed(1)} ms a request (median of ${LATENCY_REQUESTS}, longest ${times.at(-1)!.toFixed(1)} ms)`;
  if (median < SLOW) return ok("latency", found);
  return warn("latency", found, "Run the program in the database's region, or add a read region");
}

export async function clock({ probe }: Examination): Promise<Row> {
  const before = Date.now();
  const answer = await probe.command(["TIME"]);
  const after = Date.now();
  const [seconds, micros] = "result" in answer && Array.isArray(answer.result) ? answer.result : [];
  const time = Number(seconds) * 1000 + Number(micros) / 1000;
  if (!Number.isFinite(time)) return skip("clock", "the server does not say its time");
  const skew = time - (before + after) / 2;
  const told = `${Math.abs(skew) < 1000 ? `${Math.round(Math.abs(skew))} ms` : duration(Math.abs(skew) / 1000)}`;
  if (Math.abs(skew) <= SKEW + (after - before)) return ok("clock", `${told} apart from this machine's`);
  return warn(
    "clock",
    `${told} ${skew > 0 ? "ahead of" : "behind"} this machine's: EXAT and PXAT expire at another time`,
    "Set this machine's clock by NTP, or use EX and PX, which count from now",
  );
}

export function eviction({ learned: { info = new Map() } }: Examination): Row {
  const policy = info.get("maxmemory_policy");
  const used = Number(info.get("used_memory"));
  const most = Number(info.get("maxmemory") ?? 0);
  const memory = Number.isFinite(used)
    ? `; ${bytes(used)} used${most > 0 ? ` of ${bytes(most)}` : ", no limit"}`
    : "";
  if (policy === undefined)
    return skip(
      "eviction",
      "the server does not say. At Upstash see Eviction in the console: it may remove dictionaries",
    );
  if (policy.startsWith("allkeys-")) {
    return warn(
      "eviction",
      `${policy}: keys without a time to live may be removed, dictionaries among them${memory}`,
      "Keep dictionaries in the application (dictionaries: [bytes]), or use a volatile- policy",
    );
  }
  if (policy === "noeviction") return ok("eviction", `none: writes fail where memory is full${memory}`);
  return ok("eviction", `${policy}: only keys that expire, so no dictionaries${memory}`);
}

/**
 * Finds the largest request by what the server says when it refuses one. It runs only if asked for, because it
 * uploads many megabytes.
 */
export async function limits(examination: Examination, wanted: boolean): Promise<Row> {
  const { probe, key, learned } = examination;
  const plans = `${bytes(DEFAULT_REQUEST_SIZE)} a request at Upstash on most plans`;
  if (!wanted) return skip("limits", `not measured: ${plans}. --limits uploads up to 287 MiB to find out`);
  if (learned.writes !== true) return skip("limits", "not measured: nothing may be written");
  let taken = 0;
  for (const size of UPLOADS) {
    const isRaw = learned.rawBodies === true;
    const answer = await probe
      .send({
        path: isRaw ? `/set/${key}?EX=60` : "",
        body: isRaw ? new Uint8Array(size) : JSON.stringify(["SET", key, "z".repeat(size), "EX", 60]),
        headers: { "content-type": isRaw ? "application/octet-stream" : "application/json" },
      })
      .catch(() => undefined);
    if (answer?.status === 200) {
      taken = size;
      continue;
    }
    const said = /Limit: ([0-9]+)/i.exec(answer?.text ?? "")?.[1];
    learned.requestSize = said === undefined ? taken : Number(said);
    const found =
      said !== undefined
        ? `${bytes(Number(said))} a request, as the server says`
        : `between ${bytes(taken)} and ${bytes(size)} a request (${answer === undefined ? "the connection broke" : `status ${answer.status}`})`;
    return ok("limits", `${found}; larger values go in pieces`);
  }
  learned.requestSize = taken;
  return ok("limits", `${bytes(taken)} a request and more`);
}

export async function cors({ probe }: Examination, origin: string): Promise<Row> {
  const { status, headers } = await probe.send({
    method: "OPTIONS",
    anonymous: true,
    headers: { origin, "access-control-request-method": "POST", "access-control-request-headers": HEADERS },
  });
  const allowed = headers.get("access-control-allow-origin");
  const names = (headers.get("access-control-allow-headers") ?? "").toLowerCase();
  const missing =
    names.trim() === "*" ? ["authorization"] : HEADERS.split(", ").filter((name) => !names.includes(name));
  const may = status < 300 && (allowed === "*" || allowed === origin);
  if (!may) return ok("CORS", `pages of ${origin} may not call, which is right for a token that writes`);
  const found = `pages of ${origin} may call`;
  if (missing.length === 0) return ok("CORS", found);
  return warn(
    "CORS",
    `${found}, but without ${missing.join(", ")}`,
    "In pages, use the text carrier (withCompression), or hand frames through a server of yours",
  );
}
