// The local server on a real Redis, over HTTP and over HTTPS with a certificate of this run, in a process of its own.
// Says where it is and which certificate to trust, and ends with its parent.
import { connect } from "node:net";
import { createServer } from "node:tls";
import { createDevServer } from "zstash/dev";
import { createCertificate } from "./certificate.mjs";

const LIMIT = 256 << 20;

const { key, cert, path: certificate, remove } = createCertificate("127.0.0.1");

const server = await createDevServer({
  backend: "redis-server",
  maxRequestSize: LIMIT,
  maxResponseSize: LIMIT,
});
const { url, port } = await server.listen();
const secure = createServer({ key, cert }, (client) => {
  const target = connect(port, "127.0.0.1");
  client.setNoDelay(true);
  target.setNoDelay(true);
  client.pipe(target).pipe(client);
  client.on("error", () => target.destroy()).on("close", () => target.destroy());
  target.on("error", () => client.destroy()).on("close", () => client.destroy());
});
secure.listen(0, "127.0.0.1", () => {
  const address = /** @type {import("node:net").AddressInfo} */ (secure.address());
  const urls = { http: url, https: `https://127.0.0.1:${address.port}` };
  process.send?.({ urls, token: server.token, certificate, backend: server.backend.description });
});
process.once("disconnect", () => {
  remove();
  void server.close().then(() => process.exit(0));
});
