/** Sends single HTTP requests to a server exactly as asked: no retry and no fallback hides what it can do. */
import { connectionError } from "../../rest/connection-error.ts";
import { cleanServerText, readErrorBody } from "../../rest/server-error.ts";
import { utf8Lossy } from "../../text.ts";
import { ZstashError } from "../../errors.ts";
import type { ServerAddress } from "../server.ts";

/** Milliseconds for one request; one more second for every 256 KiB that is sent. */
const TIMEOUT = 10_000;
const SLOWEST = 256;
/** The most bytes of an answer that are looked at. */
const ANSWER_MAX: number = 4 << 20;

/** A request to a server. */
export interface ProbeRequest {
  /** Appended to the server's URL; empty for a command in JSON. */
  readonly path?: string | undefined;
  readonly method?: string | undefined;
  readonly body?: string | Uint8Array<ArrayBuffer> | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Without the token. */
  readonly anonymous?: boolean | undefined;
}

/** The answer to a request. */
export interface ProbeAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Uint8Array;
  readonly text: string;
  /** Milliseconds from the request to the end of the answer. */
  readonly ms: number;
}

/** The answer to a command in JSON: a result, or an error of Redis or of whatever answered in its place. */
export type CommandAnswer =
  { readonly result: unknown; readonly ms: number } | { readonly error: string; readonly ms: number };

/** Sends requests, one at a time. */
export class Probe {
  readonly #url: string;
  readonly #token: string;

  constructor({ url, token }: ServerAddress) {
    this.#url = url.trim().replace(/\/+$/, "");
    this.#token = token.trim();
  }

  /** @throws {ZstashError} REDIS, TIMEOUT if there is no answer */
  async send({
    path = "",
    method = "POST",
    body,
    headers,
    anonymous = false,
  }: ProbeRequest): Promise<ProbeAnswer> {
    const sent: Record<string, string> = { ...headers };
    if (!anonymous) sent["authorization"] = `Bearer ${this.#token}`;
    const timeout = TIMEOUT + Math.ceil((body?.length ?? 0) / (SLOWEST << 10)) * 1000;
    const start = performance.now();
    try {
      const response = await fetch(this.#url + path, {
        method,
        ...(body !== undefined && { body }),
        headers: sent,
        redirect: "manual",
        signal: AbortSignal.timeout(timeout),
      });
      const bytes = await readSome(response);
      return {
        status: response.status,
        headers: response.headers,
        bytes,
        text: utf8Lossy(bytes),
        ms: performance.now() - start,
      };
    } catch (error) {
      if (error instanceof Error && error.name === "TimeoutError") {
        const message = `Cannot reach the server: no answer for ${Math.round(timeout / 1000)} s`;
        throw new ZstashError("TIMEOUT", message, { effect: "unknown" });
      }
      throw connectionError(this.#url, error, false);
    }
  }

  /** Sends one command as JSON. */
  async command(command: readonly (string | number)[]): Promise<CommandAnswer> {
    return this.#read(await this.send({ body: JSON.stringify(command), headers: JSON_BODY }));
  }

  /** Sends several commands. Returns undefined if a list of replies came, or else the reason why none did. */
  async refusal(
    path: "/pipeline" | "/multi-exec",
    commands: readonly (readonly (string | number)[])[],
  ): Promise<string | undefined> {
    const answer = await this.send({ path, body: JSON.stringify(commands), headers: JSON_BODY });
    const replies: unknown = answer.status === 200 ? parse(answer.text) : undefined;
    return Array.isArray(replies) && replies.length === commands.length ? undefined : this.reasonOf(answer);
  }

  /** What an answer says, without the token. */
  reasonOf({ status, text }: ProbeAnswer): string {
    const { said } = text.startsWith("-") ? { said: text.slice(1).trimEnd() } : readErrorBody(text);
    return said === undefined
      ? `it answered ${status}`
      : `${cleanServerText(said, [this.#token])} (${status})`;
  }

  #read(answer: ProbeAnswer): CommandAnswer {
    const { ms, status } = answer;
    const read = parse(answer.text);
    if (typeof read === "object" && read !== null && "result" in read && status === 200)
      return { result: read.result, ms };
    return { error: this.reasonOf(answer), ms };
  }
}

export const JSON_BODY: Readonly<Record<string, string>> = { "content-type": "application/json" };

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** Reads the first bytes of a body: an unknown server may send any number. */
async function readSome(response: Response): Promise<Uint8Array> {
  const reader = response.body?.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (let next = await reader?.read(); next?.done === false; next = await reader?.read()) {
    chunks.push(next.value);
    size += next.value.length;
    if (size >= ANSWER_MAX) break;
  }
  await reader?.cancel();
  return Buffer.concat(chunks);
}
