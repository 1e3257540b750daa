/** A certificate of this run for a server's address, made by openssl. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * `path` is the file that clients have to trust (NODE_EXTRA_CA_CERTS); `remove` takes the files away.
 *
 * @param {string} address an IP address
 */
export function createCertificate(address) {
  const folder = mkdtempSync(join(tmpdir(), "zstash-bench-"));
  const [key, cert] = ["key.pem", "cert.pem"].map((name) => join(folder, name));
  const subject = ["-subj", `/CN=${address}`, "-addext", `subjectAltName=IP:${address}`];
  const request = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  execFileSync("openssl", [...request, "-keyout", key, "-out", cert, "-days", "2", ...subject], {
    stdio: "ignore",
  });
  return {
    key: readFileSync(key),
    cert: readFileSync(cert),
    path: cert,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
