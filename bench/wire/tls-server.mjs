// The local server on a real Redis, over HTTP and over HTTPS with a certificate of this run, in a process of its own.
// Says where it is and which certificate to trust, and ends with its parent.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer } from "node:tls";
import { createDevServer } from "zstash/dev";

const LIMIT = 256 << 20;

const folder = mkdtempSync(join(tmpdir(), "zstash-bench-"));
const [key, cert] = ["key.pem", "cert.pem"].map((name) => join(folder, name));
const subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"];
const request = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
execFileSync("openssl", [...request, "-keyout", key, "-out", cert, "-days", "2", ...subject], {
  stdio: "ignore",
});

const server = await createDevServer({
  backend: "redis-server",
  maxRequestSize: LIMIT,
  maxResponseSize: LIMIT,
});
const { url, port } = await server.listen();
const secure = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (client) => {
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
  process.send?.({ urls, token: server.token, certificate: cert, backend: server.backend.description });
});
process.once("disconnect", () => {
  rmSync(folder, { recursive: true, force: true });
  void server.close().then(() => process.exit(0));
});
