/** The way to replace a field of a hash only if it still has the value that was read, and the proof that a server has it. */
import { concatenate, sameBytes } from "../../bytes.ts";
import { ZstashError } from "../../errors.ts";
import type { RestClient } from "../../rest/client.ts";
import type { RespValue } from "../../rest/resp.ts";
import type { RestCommand } from "../../rest/rest-command.ts";
import { serverError } from "../../rest/server-error.ts";
import { temporaryKey } from "../../store/temporary-key.ts";
import { utf8Encoder } from "../../text.ts";
import { HASH_AND_LENGTH, isDone, pathOf, TEMPORARY_LIFE } from "./method.ts";
import { loadScript, requireScriptsAllowed, sha1, withScripts } from "./scripts.ts";
import type { Method, Replacement } from "./method.ts";

/**
 * Sets a field where SHA-1 says that it still is the value that was read. HSET would end the time to live of a field, so it
 * is set again, to the millisecond; nothing comes between the commands of a script. HSETEX with KEEPTTL, which Redis has
 * since 8.0, would be shorter, and leave out Redis 7.4.
 */
const swapOf = (keepsTimes: boolean, [field, hash, value]: readonly [string, string, string]): string =>
  `local v=redis.call('HGET',KEYS[1],${field}) if v and redis.sha1hex(v)==${hash} then ` +
  (keepsTimes ? `local t=redis.call('HPEXPIRETIME',KEYS[1],'FIELDS',1,${field})[1] ` : "") +
  `redis.call('HSET',KEYS[1],${field},${value}) ` +
  (keepsTimes
    ? `if t>0 then redis.call('HPEXPIREAT',KEYS[1],string.format('%.0f',t),'FIELDS',1,${field}) end `
    : "");

/** One field: its name, the SHA-1 of its value, the new value. */
const oneScript = (keepsTimes: boolean): string =>
  `${swapOf(keepsTimes, ["ARGV[1]", "ARGV[2]", "ARGV[3]"])}return 1 end return 0`;

/** Several fields: name, SHA-1 and length of each; the last argument holds the bytes of all. */
const severalScript = (keepsTimes: boolean): string =>
  "local r={} local at=1 local all=ARGV[#ARGV] for i=1,(#ARGV-1)/3 do local size=tonumber(ARGV[3*i]) r[i]=0 " +
  `${swapOf(keepsTimes, ["ARGV[3*i-2]", "ARGV[3*i-1]", "string.sub(all,at,at+size-1)"])}r[i]=1 end ` +
  "at=at+size end return r";

interface FieldMethodOptions {
  /** Whether the server has times to live of fields. */
  readonly keepsTimes: boolean;
  readonly takesBytes: boolean;
}

const segmentOf = (text: string): string | undefined => pathOf(text, "", "");

function fieldMethod(client: RestClient, { keepsTimes, takesBytes }: FieldMethodOptions): Method {
  const [one, several] = [oneScript(keepsTimes), severalScript(keepsTimes)];
  const [oneHash, severalHash] = [sha1(one), sha1(several)];
  const nameOf = ({ field = "" }: Replacement): string => field;
  return {
    name: "script",
    takesBytes,
    async prepare() {
      await loadScript(client, one);
      await loadScript(client, several);
    },
    textCommand: (change, text) => [
      "EVALSHA",
      oneHash,
      1,
      change.key,
      nameOf(change),
      sha1(change.old),
      text,
    ],
    async sendBytes(change) {
      const [key, field] = [segmentOf(change.key), segmentOf(nameOf(change))];
      if (key === undefined || field === undefined || change.value.length === 0 || !takesBytes)
        return "unsent";
      const hash = sha1(change.old);
      const command: RestCommand = ["EVALSHA", oneHash, 1, change.key, nameOf(change), hash, change.value];
      return client.command(command, { rawPath: `/EVALSHA/${oneHash}/1${key}${field}/${hash}` });
    },
    together: {
      costOf(change) {
        const [key, field] = [segmentOf(change.key), segmentOf(nameOf(change))];
        if (key === undefined || field === undefined || change.value.length === 0) return undefined;
        // The key stands in the URL once, which is less than this.
        return key.length + field.length + HASH_AND_LENGTH;
      },
      async send(changes) {
        const key = changes[0]!.key;
        const facts = changes.flatMap((change) => [nameOf(change), sha1(change.old), change.value.length]);
        const bytes = concatenate(changes.map(({ value }) => value));
        const path = changes.map(
          (change) => `${segmentOf(nameOf(change))}/${sha1(change.old)}/${change.value.length}`,
        );
        const command: RestCommand = ["EVALSHA", severalHash, 1, key, ...facts, bytes];
        return client.command(command, {
          rawPath: `/EVALSHA/${severalHash}/1${segmentOf(key)}${path.join("")}`,
        });
      },
    },
  };
}

/** A time to live that no test outlives, in milliseconds since 1970: the year 2100. */
const FAR = 4_102_444_800_123;

/**
 * Finds out whether a server can replace fields, on a temporary hash beside `key`: that it sets where the value is the same,
 * sets nothing where it is another, keeps both kinds of times to live, and every byte.
 *
 * @throws {ZstashError} UNSUPPORTED where it cannot; REDIS where the token may not write, or may not keep a time to live
 */
export async function findFieldMethod(client: RestClient, key: string): Promise<Method> {
  const temporary = temporaryKey(key);
  try {
    const set = await client.command(["HSET", temporary, "field", "the value before"]);
    if (set.kind === "error") throw serverError("write", set.text, { key });
    await client.command(["PEXPIRE", temporary, TEMPORARY_LIFE]);
    const keepsTimes = await hasFieldTimes(client, temporary);
    for (const takesBytes of [true, false]) {
      const method = fieldMethod(client, { keepsTimes, takesBytes });
      if (await isProven(client, temporary, { method, keepsTimes }))
        return takesBytes ? method : { ...method, together: undefined };
    }
    await requireScriptsAllowed(client, temporary);
  } finally {
    await client.command(["DEL", temporary]).catch(() => undefined);
  }
  throw new ZstashError(
    "UNSUPPORTED",
    "Cannot migrate hashes: the server runs no scripts, and nothing else replaces a field only if nobody has written it " +
      "meanwhile. No hash was written. Leave --hashes out",
  );
}

/**
 * Whether the server has times to live of fields, which HSET would end.
 *
 * @throws {ZstashError} REDIS where it has them and the token may not read or set them: they would be lost
 */
async function hasFieldTimes(client: RestClient, key: string): Promise<boolean> {
  const set = await client.command(["HPEXPIREAT", key, FAR, "FIELDS", 1, "field"]);
  const found = await client.command(["HPEXPIRETIME", key, "FIELDS", 1, "field"]);
  const replies = [set, found].filter((reply) => reply.kind === "error");
  if (replies.length === 0) return true;
  const other = replies.find(
    ({ text }) => !/unknown.*command|has no |not supported|not available/i.test(text),
  );
  if (other !== undefined) throw serverError("keep the time to live of a field", other.text, { key });
  return false;
}

interface Proof {
  readonly method: Method;
  readonly keepsTimes: boolean;
}

async function isProven(client: RestClient, key: string, { method, keepsTimes }: Proof): Promise<boolean> {
  const before = utf8Encoder.encode("the value before");
  const allBytes = new Uint8Array(256).map((_, index) => index);
  const reset = async (): Promise<void> => {
    await client.command(["HSET", key, "field", "the value before", "other", "the value before"]);
    if (keepsTimes) await client.command(["HPEXPIREAT", key, FAR, "FIELDS", 1, "field"]);
  };
  const holds = async (field: string, value: Uint8Array): Promise<boolean> => {
    const found = await client.command(["HGET", key, field]);
    return found.kind === "bulk" && found.bytes !== null && sameBytes(found.bytes, value);
  };
  const keepsLives = async (): Promise<boolean> => {
    const life = await client.command(["PTTL", key]);
    if (life.kind !== "integer" || life.value <= 0) return false;
    if (!keepsTimes) return true;
    const reply = await client.command(["HPEXPIRETIME", key, "FIELDS", 1, "field"]);
    const time = reply.kind === "array" ? reply.items?.[0] : undefined;
    return time?.kind === "integer" && Number(time.value) === FAR;
  };
  const swap = async (old: Uint8Array, value: Uint8Array, text: string | undefined): Promise<RespValue> => {
    const change = { key, field: "field", old, value };
    const send = async (): Promise<RespValue | "unsent"> =>
      text === undefined ? method.sendBytes(change) : client.command(method.textCommand(change, text));
    const reply = await withScripts(method, send);
    return reply === "unsent" ? { kind: "error", text: "unsent" } : reply;
  };
  try {
    await method.prepare();
    for (const text of method.takesBytes ? ["a new text", undefined] : ["a new text"]) {
      const value = text === undefined ? allBytes : utf8Encoder.encode(text);
      await reset();
      const refused = await swap(allBytes, value, text);
      if (refused.kind === "error" || isDone(refused) || !(await holds("field", before))) return false;
      if (!isDone(await swap(before, value, text)) || !(await holds("field", value))) return false;
      if (!(await keepsLives())) return false;
    }
    if (!method.takesBytes) return true;
    await reset();
    const changes = [
      { key, field: "field", old: before, value: allBytes },
      { key, field: "other", old: allBytes, value: new Uint8Array(100) },
      { key, field: "other", old: before, value: allBytes.toReversed() },
    ];
    const reply = await withScripts(method, () => method.together!.send(changes));
    const done =
      reply.kind === "array" ? reply.items?.map((item) => item.kind === "integer" && item.value) : [];
    return (
      done?.join() === "1,0,1" &&
      (await holds("field", allBytes)) &&
      (await holds("other", allBytes.toReversed())) &&
      (await keepsLives())
    );
  } catch (error) {
    // A server says that it has not what it was asked for, or refuses the form of the request; all else may pass.
    const { effect, status = 0 } = error instanceof ZstashError ? error : { effect: "unknown" };
    if (effect === undefined || [400, 404, 405, 413, 414, 415].includes(status)) return false;
    throw error;
  }
}
