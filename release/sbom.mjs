// Prints the bill of materials of the package as CycloneDX 1.5: what is compiled or bundled into it, with licences and
// hashes. It has no time and no serial number, so that the same package gives the same bytes.

import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/** @param {string} path */
const json = (path) => JSON.parse(readFileSync(`${root}${path}`, "utf8"));

/** The WebAssembly modules, which hold what is compiled. */
const MODULES = ["zstash.wasm", "zstash-decoder.wasm", "zstash-trainer.wasm"];

/**
 * A part of the package that was not written here.
 *
 * @typedef {{ name: string, version: string, licence: string, purl: string, what: string }} Part
 *
 * @returns {readonly Part[]}
 */
function parts() {
  const { devDependencies } = json("package.json");
  const clang = devDependencies["@yowasp/clang"];
  return [
    {
      name: "zstd",
      version: "1.5.7",
      licence: "BSD-3-Clause",
      purl: "pkg:github/facebook/zstd@v1.5.7",
      what: `compiled to WebAssembly, from the sources in zstd-napi ${devDependencies["zstd-napi"]}; holds xxHash (BSD-2-Clause)`,
    },
    {
      name: "wasi-libc",
      version: clang,
      licence: "MIT",
      purl: `pkg:npm/%40yowasp/clang@${clang}`,
      what: "memory functions of the C library, as the compiler's package holds them",
    },
    {
      name: "commander",
      version: devDependencies["commander"],
      licence: "MIT",
      purl: `pkg:npm/commander@${devDependencies["commander"]}`,
      what: "bundled into the program zstash (dist/cli)",
    },
  ];
}

/** The bill of materials as an object. */
export function makeSbom() {
  const { name, version, description, license } = json("package.json");
  const reference = `pkg:npm/${name}@${version}`;
  const components = parts().map(({ name: part, version: of, licence, purl, what }) => ({
    "bom-ref": purl,
    type: "library",
    name: part,
    version: of,
    description: what,
    licenses: [{ license: { id: licence } }],
    purl,
  }));
  const files = MODULES.filter((file) => existsSync(`${root}dist/${file}`)).map((file) => ({
    "bom-ref": `file:dist/${file}`,
    type: "file",
    name: `dist/${file}`,
    hashes: [
      {
        alg: "SHA-256",
        content: createHash("sha256")
          .update(readFileSync(`${root}dist/${file}`))
          .digest("hex"),
      },
    ],
  }));
  return {
    $schema: "http://cyclonedx.org/schema/bom-1.5.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.5",
    version: 1,
    metadata: {
      component: {
        "bom-ref": reference,
        type: "library",
        name,
        version,
        description,
        licenses: [{ license: { id: license } }],
        purl: reference,
      },
    },
    components: [...components, ...files],
    dependencies: [{ ref: reference, dependsOn: components.map((one) => one["bom-ref"]) }],
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  console.log(JSON.stringify(makeSbom(), null, 2));
}
