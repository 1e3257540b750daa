// The local server on a real Redis, and a proxy in front of it that counts bytes, in a process of their own: their
// work is not the clients'. Says where they are, answers every message with the counts, ends with its parent.
import { connect, createServer } from "node:net";
import { createDevServer } from "zstash/dev";
import { MessageCounter } from "./message-counter.mjs";

/**
 * The stock client's request of a 10 MB text is larger than Upstash's usual limit. Six times as much is what all requests may hold at once:
 * beyond it they wait for each other, and slow ones are cut off.
 */
const LIMIT = Number(process.argv[2] ?? 64 << 20);

const server = await createDevServer({
  backend: "redis-server",
  maxRequestSize: LIMIT,
  maxResponseSize: LIMIT,
});
const { url, port } = await server.listen();

const count = { up: { heads: 0, bodies: 0 }, down: { heads: 0, bodies: 0 } };
const proxy = createServer((client) => {
  const target = connect(port, "127.0.0.1");
  client.setNoDelay(true);
  target.setNoDelay(true);
  const up = new MessageCounter(count.up);
  const down = new MessageCounter(count.down);
  client.on("data", (chunk) => up.push(chunk));
  target.on("data", (chunk) => down.push(chunk));
  client.pipe(target).pipe(client);
  for (const [socket, other] of [
    [client, target],
    [target, client],
  ]) {
    socket.on("error", () => other.destroy());
    socket.on("close", () => other.destroy());
  }
});
proxy.listen(0, "127.0.0.1", () => {
  const address = /** @type {import("node:net").AddressInfo} */ (proxy.address());
  const counted = `http://127.0.0.1:${address.port}`;
  process.send?.({ url, counted, token: server.token, backend: server.backend.description });
});
process.on("message", () => process.send?.(count));
process.once("disconnect", () => void server.close().then(() => process.exit(0)));
