/** Checks whether there is a Redis REST API at the address, and whether it accepts the token. */
import { ZstashError } from "../../errors.ts";
import type { Examination, Row } from "./row.ts";
import { fail, ok, skip, warn } from "./row.ts";

const URL_ADVICE = "Check --url or UPSTASH_REDIS_REST_URL: it is the REST URL, as https://….upstash.io";
const TOKEN_ADVICE = "Check --token or UPSTASH_REDIS_REST_TOKEN; tokens belong to one database";

/** The rows, and whether further checks make sense. */
export interface Reached {
  readonly rows: readonly Row[];
  readonly reached: boolean;
}

export async function checkReach({ server, probe, learned }: Examination): Promise<Reached> {
  const rows: Row[] = [addressRow(server.url)];
  const stop = (row: Row): Reached => ({ rows: [...rows, row], reached: false });
  let answer;
  try {
    answer = await probe.send({ body: '["PING"]', headers: { "content-type": "application/json" } });
  } catch (error) {
    if (!(error instanceof ZstashError)) throw error;
    return stop(
      fail(
        "server",
        error.message.replace(/^Cannot reach the server/, "not reached"),
        `${URL_ADVICE}, and that the server runs`,
      ),
    );
  }
  const { status, text, headers } = answer;
  if (status === 401 || status === 403)
    return stop(fail("token", `refused: ${probe.reasonOf(answer)}`, TOKEN_ADVICE));
  if (status >= 300 && status < 400) {
    const target = headers.get("location") ?? "elsewhere";
    return stop(
      fail(
        "server",
        `it redirects to ${hostOf(target)}, which zstash does not follow`,
        "Take that server's own URL",
      ),
    );
  }
  if (!/^\{\s*"result"\s*:/.test(text) && !text.includes("NOPERM"))
    return stop(
      fail("server", `something answers, but no Redis REST API: ${probe.reasonOf(answer)}`, URL_ADVICE),
    );
  learned.info = await readInfo(probe);
  rows.push(ok("server", describeServer(learned.info)));
  return { rows, reached: true };
}

function addressRow(text: string): Row {
  const url = new URL(text.trim());
  const isLocal = /^(localhost|127(\.\d+){3}|\[::1\]|.*\.localhost)$/.test(url.hostname);
  const found = `${url.protocol}//${url.host}${url.pathname === "/" ? "" : url.pathname}`;
  if (url.protocol === "https:") return ok("address", found);
  if (isLocal) return ok("address", `${found}, on this machine`);
  return warn("address", `${found}: the token and all values travel unencrypted`, "Use https://");
}

/** The fields of INFO; empty if it is refused. */
async function readInfo(probe: Examination["probe"]): Promise<ReadonlyMap<string, string>> {
  const answer = await probe.command(["INFO"]);
  const text = "result" in answer && typeof answer.result === "string" ? answer.result : "";
  return new Map(
    [...text.matchAll(/^([a-z_0-9]+):(.*?)\r?$/gm)].map(([, name, value]) => [name!, value!] as const),
  );
}

function describeServer(info: ReadonlyMap<string, string>): string {
  const version = (name: string): string | undefined => info.get(`${name}_version`);
  const [upstash, valkey, redis] = [version("upstash"), version("valkey"), version("redis")];
  if (upstash !== undefined) return `Upstash ${upstash}${redis === undefined ? "" : `, Redis ${redis}`}`;
  if (valkey !== undefined) return `Valkey ${valkey}`;
  return redis === undefined ? "a Redis REST API, which does not say its version" : `Redis ${redis}`;
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : "another path";
}

/** What the token may do, after a write was tried. */
export function tokenRow({ learned, readOnly }: Examination): Row {
  if (readOnly) return skip("token", "taken; whether it may write was not tried (--read-only)");
  if (learned.writes === true) return ok("token", "taken; it may write");
  return warn(
    "token",
    "taken; it may only read: values are decoded, and every write fails",
    "For a program that writes, use the standard token",
  );
}
