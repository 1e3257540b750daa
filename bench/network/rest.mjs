/** Requests without any client, to compare the clients with. */

/**
 * `POST /command/arguments…` with a body; throws unless it succeeds.
 *
 * @param {{ url: string, token: string, signal?: AbortSignal }} where
 * @param {readonly string[]} path
 * @param {Uint8Array | string} body
 */
export async function post({ url, token, signal }, path, body) {
  const response = await fetch(`${url}/${path.map(encodeURIComponent).join("/")}`, {
    method: "POST",
    body: /** @type {BodyInit} */ (body),
    headers: { authorization: `Bearer ${token}`, "upstash-response-format": "resp2" },
    signal: signal ?? null,
  });
  const reply = await response.text();
  if (!response.ok) throw new Error(`POST /${path[0]} answered ${response.status}: ${reply.slice(0, 200)}`);
}

/**
 * A key's bytes by GET, without what RESP2 puts around them.
 *
 * @param {{ url: string, token: string, signal?: AbortSignal }} where
 * @param {string} key
 * @returns {Promise<Uint8Array>}
 */
export async function get({ url, token, signal }, key) {
  const response = await fetch(`${url}/get/${encodeURIComponent(key)}`, {
    headers: { authorization: `Bearer ${token}`, "upstash-response-format": "resp2" },
    signal: signal ?? null,
  });
  const reply = new Uint8Array(await response.arrayBuffer());
  if (!response.ok) throw new Error(`GET answered ${response.status}`);
  return reply.subarray(reply.indexOf(10) + 1, reply.length - 2);
}
