// Clients of an example: one request over a socket of its own, as bytes, and fifty at once of which some leave.

import { request } from "node:http";
import { createHash } from "node:crypto";

/** How many ask at once, and how many of them leave: half before the answer begins, half at its first bytes. */
const CROWD = 50;
const LEAVING = 10;

/**
 * Asks for an address. node:http decodes nothing, so that the body is what was on the wire.
 * @param {string} url
 * @param {Record<string, string>} headers
 * @param {"before" | "midway"} [leave] when the client goes away instead of reading to the end
 * @returns {Promise<{ status: number, headers: import("node:http").IncomingHttpHeaders, body: Buffer } | undefined>}
 *   undefined for a client that has left
 */
export function ask(url, headers = {}, leave) {
  return new Promise((resolve, reject) => {
    const asked = request(url, { headers, agent: false, timeout: 60_000 }, (response) => {
      const chunks = [];
      response.on("data", (chunk) => {
        chunks.push(chunk);
        if (leave === "midway") go();
      });
      response.on("error", (error) => leave === undefined && reject(error));
      response.on("end", () =>
        resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) }),
      );
    });
    const go = () => {
      asked.destroy();
      resolve(undefined);
    };
    asked.on("timeout", () => asked.destroy(new Error(`${url}: no byte for a minute`)));
    asked.on("error", (error) => (leave === undefined ? reject(error) : resolve(undefined)));
    asked.end();
    if (leave === "before") asked.on("socket", (socket) => socket.on("connect", () => setTimeout(go, 2)));
  });
}

/**
 * Fifty clients ask at once for the report, which nobody has stored yet; forty read to the end, in both codings.
 * @param {string} url
 * @param {{ expected: string, passes: boolean, decompress(body: Buffer): Uint8Array }} options `expected`: the report;
 *   `passes: false` of a server that sends nobody zstd
 * @returns {Promise<Buffer>} what those got who take zstd
 */
export async function sendCrowd(url, { expected, passes, decompress }) {
  const hash = digest(expected);
  const codings = ["zstd", "identity"];
  const answers = await Promise.all(
    Array.from({ length: CROWD }, async (_, index) => {
      const every = CROWD / LEAVING;
      const leave = index % every === 0 ? ["before", "midway"][(index / every) % 2] : undefined;
      const coding = codings[index % 2];
      const answer = await ask(url, { "accept-encoding": coding }, leave);
      return leave === undefined ? { coding, answer } : undefined;
    }),
  );
  const read = answers.filter((answer) => answer !== undefined);
  if (read.length !== CROWD - LEAVING) throw new Error(`${read.length} clients read to the end`);
  for (const { coding, answer } of read) {
    if (answer.status !== 200) throw new Error(`status ${answer.status}: ${answer.body.subarray(0, 300)}`);
    const got = answer.headers["content-encoding"] ?? "identity";
    if (got !== (passes ? coding : "identity")) throw new Error(`a client that takes ${coding} got ${got}`);
    const content = got === "zstd" ? decompress(answer.body) : answer.body;
    if (digest(content) !== hash) throw new Error(`a client that takes ${coding} got other bytes`);
  }
  return read.find(({ coding }) => coding === "zstd").answer.body;
}

const digest = (content) => createHash("sha256").update(content).digest("hex");
