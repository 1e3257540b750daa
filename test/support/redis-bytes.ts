/** The bytes that lie in Redis under a key, over HTTP, with no code of the package. */

/** The string of a key, as it is. */
export async function redisBytes(
  { url, token }: { readonly url: string; readonly token: string },
  key: string,
): Promise<Uint8Array> {
  const response = await fetch(url, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "upstash-response-format": "resp2" },
    body: JSON.stringify(["GET", key]),
  });
  const reply = new Uint8Array(await response.arrayBuffer());
  const start = reply.indexOf(10) + 1;
  const size = Number(new TextDecoder().decode(reply.subarray(1, start - 2)));
  return reply.slice(start, start + size);
}
