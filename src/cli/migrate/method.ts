/** The ways to replace a value only if it is still the one that was read, and tests of which ones a server supports. */
import { concatenate, sameBytes } from "../../bytes.ts";
import { loadScript, requireScriptsAllowed, sha1, withScripts } from "./scripts.ts";
import { xxh3 } from "../../dev/embedded/xxh3.ts";
import { ZstashError } from "../../errors.ts";
import type { RestClient } from "../../rest/client.ts";
import type { RespValue } from "../../rest/resp.ts";
import { rawPath, type RestCommand } from "../../rest/rest-command.ts";
import { serverError } from "../../rest/server-error.ts";
import { temporaryKey } from "../../store/temporary-key.ts";
import { utf8Encoder } from "../../text.ts";

/** The expected value and its successor. */
export interface Replacement {
  readonly key: string;
  /** The field of a hash; undefined for a string. */
  readonly field?: string | undefined;
  readonly old: Uint8Array;
  readonly value: Uint8Array;
}

/** A way to compare and set. */
export interface Method {
  /**
   * "digest": SET with IFDEQ (Upstash, Redis 8.4). "script": a script that compares SHA-1 and takes the bytes as its
   * last argument. "temporary-key": the same script, but the bytes go to a temporary key first.
   */
  readonly name: "digest" | "script" | "temporary-key";
  /** False if bytes that are not text cannot be sent. */
  readonly takesBytes: boolean;
  /** Prepares the server; called again after the server was restarted. */
  prepare(): Promise<void>;
  /** The command for a text value, for a pipeline. */
  textCommand(change: Replacement, text: string): RestCommand;
  /** Sends bytes; "unsent" if the key does not fit into a URL. */
  sendBytes(change: Replacement): Promise<RespValue | "unsent">;
  /** Sends the bytes of several replacements, whose reply is 1 or 0 for each; undefined if only one can be sent. */
  readonly together?: BytesTogether | undefined;
}

/** Several replacements in one request: their bytes are one body, one after another. */
export interface BytesTogether {
  /** Bytes of the URL that a replacement takes; undefined for one that has to be sent alone. */
  costOf(change: Replacement): number | undefined;
  send(changes: readonly Replacement[]): Promise<RespValue>;
}

/** Milliseconds that a temporary key lives: what is left behind by a process that was killed. */
export const TEMPORARY_LIFE = 60_000;

const SET_SCRIPT =
  "local v=redis.call('GET',KEYS[1]) if not v or redis.sha1hex(v)~=ARGV[1] then return 0 end " +
  "redis.call('SET',KEYS[1],ARGV[2],'KEEPTTL') return 1";
/** It copies and does not rename, because SET keeps the time to live to the millisecond. */
const COPY_SCRIPT =
  "local v=redis.call('GET',KEYS[1]) local n=redis.call('GET',KEYS[2]) redis.call('DEL',KEYS[2]) " +
  "if not v or not n or redis.sha1hex(v)~=ARGV[1] then return 0 end " +
  "redis.call('SET',KEYS[1],n,'KEEPTTL') return 1";

/** The SHA-1 and the length for each key are arguments; the last argument holds the bytes of all. */
const TOGETHER_SCRIPT =
  "local r={} local at=1 local all=ARGV[#ARGV] for i=1,#KEYS do local size=tonumber(ARGV[2*i]) " +
  "local v=redis.pcall('GET',KEYS[i]) if type(v)=='string' and redis.sha1hex(v)==ARGV[2*i-1] then " +
  "redis.call('SET',KEYS[i],string.sub(all,at,at+size-1),'KEEPTTL') r[i]=1 else r[i]=0 end at=at+size end return r";
/** Bytes in a URL of a hash and a length with their slashes, at most, and of what stands before the first key. */
export const HASH_AND_LENGTH = 50;
export const TOGETHER_HEAD = 60;

/** The path of a command about a key whose last argument is the body; undefined where a URL does not carry the key. */
export function pathOf(key: string, before: string, after: string): string | undefined {
  const set = rawPath(["SET", key, new Uint8Array(1)], 2);
  return set === undefined ? undefined : `${before}${set.slice("/SET".length)}${after}`;
}

function digestMethod(client: RestClient, takesBytes: boolean): Method {
  return {
    name: "digest",
    takesBytes,
    prepare: () => Promise.resolve(),
    textCommand: ({ key, old }, text) => ["SET", key, text, "IFDEQ", xxh3(old), "KEEPTTL"],
    async sendBytes({ key, old, value }) {
      if (value.length === 0) return "unsent";
      // KEEPTTL twice: only pairs are documented to be taken from a query.
      const path = pathOf(key, "/SET", `?IFDEQ=${xxh3(old)}&KEEPTTL=KEEPTTL`);
      if (path === undefined || !takesBytes) return "unsent";
      return client.command(["SET", key, value, "IFDEQ", "", "KEEPTTL"], { rawPath: path });
    },
  };
}

function scriptMethod(client: RestClient, takesBytes: boolean): Method {
  const script = sha1(SET_SCRIPT);
  return {
    name: "script",
    takesBytes,
    prepare: () => loadScript(client, SET_SCRIPT),
    textCommand: ({ key, old }, text) => ["EVALSHA", script, 1, key, sha1(old), text],
    async sendBytes({ key, old, value }) {
      const path = pathOf(key, `/EVALSHA/${script}/1`, `/${sha1(old)}`);
      if (path === undefined || value.length === 0 || !takesBytes) return "unsent";
      return client.command(["EVALSHA", script, 1, key, sha1(old), value], { rawPath: path });
    },
  };
}

/**
 * The script method, several at a time: each replacement costs 0.7 ms of processor time on loopback in a request of
 * its own, and 0.2 ms so.
 */
function scriptsTogether(client: RestClient): Method {
  const one = scriptMethod(client, true);
  const script = sha1(TOGETHER_SCRIPT);
  const segmentOf = (key: string): string | undefined => pathOf(key, "", "");
  return {
    ...one,
    async prepare() {
      await one.prepare();
      await loadScript(client, TOGETHER_SCRIPT);
    },
    together: {
      costOf({ key, value }) {
        const segment = value.length === 0 ? undefined : segmentOf(key);
        return segment === undefined ? undefined : segment.length + HASH_AND_LENGTH;
      },
      async send(changes) {
        const keys = changes.map(({ key }) => key);
        const facts = changes.flatMap(({ old, value }) => [sha1(old), value.length]);
        const bytes = concatenate(changes.map(({ value }) => value));
        const path = `/EVALSHA/${script}/${keys.length}${keys.map(segmentOf).join("")}/${facts.join("/")}`;
        const command: RestCommand = ["EVALSHA", script, keys.length, ...keys, ...facts, bytes];
        return client.command(command, { rawPath: path });
      },
    },
  };
}

function temporaryKeyMethod(client: RestClient): Method {
  const byScript = scriptMethod(client, false);
  const copy = sha1(COPY_SCRIPT);
  return {
    ...byScript,
    name: "temporary-key",
    takesBytes: true,
    async prepare() {
      await byScript.prepare();
      await loadScript(client, COPY_SCRIPT);
    },
    async sendBytes({ key, old, value }) {
      const temporary = temporaryKey(key);
      const path = pathOf(temporary, "/SET", `?PX=${TEMPORARY_LIFE}`);
      if (path === undefined || value.length === 0) return "unsent";
      const kept = await client.command(["SET", temporary, value, "PX", TEMPORARY_LIFE], { rawPath: path });
      if (kept.kind === "error") return kept;
      return client.command(["EVALSHA", copy, 2, key, temporary, sha1(old)]);
    },
  };
}

/**
 * Returns true if a replacement was made. SET with a condition answers OK (a bulk string in base64) or nothing; the
 * scripts answer 1 or 0.
 */
export function isDone(reply: RespValue): boolean {
  if (reply.kind === "bulk") return reply.bytes !== null;
  return reply.kind === "status" || (reply.kind === "integer" && reply.value === 1);
}

/** Lengths that take different code paths of XXH3; a server whose digest differs for one of them uses another hash. */
const PROVEN_LENGTHS = [3, 8, 16, 100, 200, 2000];
/** Every byte value once. */
const ALL_BYTES: Uint8Array<ArrayBuffer> = new Uint8Array(256).map((_, index) => index);

/**
 * Finds the best method that a server supports. Each is tested on a temporary key in the slot of the key to be
 * written: it must set the value if it is unchanged, set nothing if it is another, and keep the time to live and
 * every byte.
 *
 * @throws {ZstashError} UNSUPPORTED if there is none; REDIS if the token may not write
 */
export async function findMethod(client: RestClient, key: string): Promise<Method> {
  const temporary = temporaryKey(key);
  try {
    const first = await put(client, temporary, "0");
    if (first.kind === "error") throw serverError("write", first.text, { key });
    const digest = await hasDigest(client, temporary);
    const candidates = [
      ...(digest ? [digestMethod(client, true)] : []),
      scriptsTogether(client),
      scriptMethod(client, true),
      temporaryKeyMethod(client),
      ...(digest ? [digestMethod(client, false)] : []),
      scriptMethod(client, false),
    ];
    for (const method of candidates) if (await isProven(client, temporary, method)) return method;
    await requireScriptsAllowed(client, key);
  } finally {
    await client.command(["DEL", temporary]).catch(() => undefined);
  }
  throw new ZstashError(
    "UNSUPPORTED",
    "Cannot migrate: the server has neither SET with IFDEQ (Upstash, Redis 8.4) nor scripts, so that a value that " +
      "another client writes meanwhile would be lost. Nothing was written",
  );
}

const put = (client: RestClient, key: string, text: string): Promise<RespValue> =>
  client.command(["SET", key, text, "PX", TEMPORARY_LIFE]);

async function hasDigest(client: RestClient, key: string): Promise<boolean> {
  for (const length of PROVEN_LENGTHS) {
    const text = "0123456789abcdef".repeat(length).slice(0, length);
    await put(client, key, text);
    const reply = await client.command(["DIGEST", key]);
    const isSame =
      reply.kind === "bulk" &&
      reply.bytes !== null &&
      sameBytes(reply.bytes, utf8Encoder.encode(xxh3(utf8Encoder.encode(text))));
    if (!isSame) return false;
  }
  return true;
}

async function isProven(client: RestClient, key: string, method: Method): Promise<boolean> {
  const old = utf8Encoder.encode("the value before");
  const set = async (before: Uint8Array, value: Uint8Array, text: string | undefined): Promise<RespValue> => {
    const change = { key, old: before, value };
    const send = async (): Promise<RespValue | "unsent"> =>
      text === undefined ? method.sendBytes(change) : client.command(method.textCommand(change, text));
    const reply = await withScripts(method, send);
    return reply === "unsent" ? { kind: "error", text: "unsent" } : reply;
  };
  const holds = async (value: Uint8Array): Promise<boolean> => {
    const [found, life] = [await client.command(["GET", key]), await client.command(["PTTL", key])];
    const isKept = life.kind === "integer" && life.value > 0 && life.value <= TEMPORARY_LIFE;
    return isKept && found.kind === "bulk" && found.bytes !== null && sameBytes(found.bytes, value);
  };
  try {
    await method.prepare();
    for (const text of method.takesBytes ? ["a new text", undefined] : ["a new text"]) {
      const value = text === undefined ? ALL_BYTES : utf8Encoder.encode(text);
      await put(client, key, "the value before");
      const refused = await set(ALL_BYTES, value, text);
      if (refused.kind === "error" || isDone(refused) || !(await holds(old))) return false;
      if (!isDone(await set(old, value, text)) || !(await holds(value))) return false;
    }
    if (method.together === undefined) return true;
    const other = temporaryKey(key);
    try {
      const together: BytesTogether["send"] = (all) => withScripts(method, () => method.together!.send(all));
      return await isProvenTogether(client, [key, other], together);
    } finally {
      await client.command(["DEL", other]);
    }
  } catch (error) {
    // The server lacks the command, or refuses the form of the request; any other error may pass.
    const { effect, status = 0 } = error instanceof ZstashError ? error : { effect: "unknown" };
    if (effect === undefined || [400, 404, 405, 413, 414, 415].includes(status)) return false;
    throw error;
  }
}

/** The second of three is refused, and the others get their bytes. */
async function isProvenTogether(
  client: RestClient,
  [key, other]: readonly [string, string],
  together: BytesTogether["send"],
): Promise<boolean> {
  const old = utf8Encoder.encode("the value before");
  const [first, second] = [ALL_BYTES, ALL_BYTES.toReversed()];
  for (const one of [key, other]) await put(client, one, "the value before");
  const reply = await together([
    { key, old, value: first },
    { key: other, old: ALL_BYTES, value: new Uint8Array(100) },
    { key: other, old, value: second },
  ]);
  const numbers =
    reply.kind === "array" ? reply.items?.map((item) => item.kind === "integer" && item.value) : [];
  const [one, two, life] = [
    await client.command(["GET", key]),
    await client.command(["GET", other]),
    await client.command(["PTTL", other]),
  ];
  return (
    numbers?.join() === "1,0,1" &&
    one.kind === "bulk" &&
    sameBytes(one.bytes ?? old, first) &&
    two.kind === "bulk" &&
    sameBytes(two.bytes ?? old, second) &&
    life.kind === "integer" &&
    life.value > 0
  );
}
