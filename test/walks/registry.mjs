// A package registry on loopback in which this checkout is published: `npm install zstash` and `deno add npm:zstash` bring the
// packed tarball. Every other package comes from the registry that npm is set up for, in the version that the tests pin.

import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { basename, dirname } from "node:path";

/**
 * What npm would publish: the manifest and the digests of the tarball.
 *
 * @param {string} folder of the checkout
 * @param {string} into where the tarball goes
 */
export function packCheckout(folder, into) {
  const args = ["pack", "--json", "--ignore-scripts", "--pack-destination", into];
  const output = execFileSync("npm", args, {
    cwd: folder,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const { filename, integrity, shasum } = JSON.parse(output)[0];
  const manifest = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
  return { path: `${into}/${filename}`, integrity, shasum, manifest };
}

/**
 * Starts the registry.
 *
 * @param {ReturnType<typeof packCheckout>} packed
 * @param {Readonly<Record<string, string>>} pinned the versions that are the latest here
 */
export async function startRegistry(packed, pinned) {
  const upstream = execFileSync("npm", ["config", "get", "registry"], { encoding: "utf8" }).trim();
  const tarball = readFileSync(packed.path);
  const { manifest, integrity, shasum } = packed;
  let url = "";

  /** What there is to know of a package, as the registry's clients ask for it. */
  async function describe(name, accept) {
    if (name === manifest.name) {
      const dist = { tarball: `${url}/${name}/-/${basename(packed.path)}`, integrity, shasum };
      const { version } = manifest;
      const versions = { [version]: { ...manifest, scripts: {}, _id: `${name}@${version}`, dist } };
      return {
        name,
        "dist-tags": { latest: version },
        versions,
        time: { [version]: new Date(0).toISOString() },
      };
    }
    const response = await fetch(`${upstream}${name.replace("/", "%2f")}`, { headers: { accept } });
    if (!response.ok) return undefined;
    const found = await response.json();
    const latest = pinned[name];
    return latest === undefined ? found : { ...found, "dist-tags": { ...found["dist-tags"], latest } };
  }

  /** Deno asks for tarballs here, whatever the description says; npm asks where that says. */
  async function readTarball(name) {
    if (dirname(name) === `${manifest.name}/-`) return tarball;
    const response = await fetch(`${upstream}${name}`);
    if (!response.ok) throw new Error(`${name}: ${response.status}`);
    return new Uint8Array(await response.arrayBuffer());
  }

  const server = createServer(async (request, response) => {
    const name = decodeURIComponent(request.url.slice(1));
    try {
      if (name.endsWith(".tgz")) return void response.end(await readTarball(name));
      const found = await describe(name, request.headers.accept ?? "*/*");
      response.writeHead(found === undefined ? 404 : 200, { "content-type": "application/json" });
      response.end(JSON.stringify(found ?? { error: "not found" }));
    } catch (error) {
      response.writeHead(502).end(String(error));
    }
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${server.address().port}`;
  return {
    url: `${url}/`,
    /** What to do where the other packages cannot be had; undefined where they can. */
    async missing() {
      const response = await fetch(`${url}/uncrypto`);
      await response.arrayBuffer();
      return response.ok ? undefined : "a package registry: npm config get registry";
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
