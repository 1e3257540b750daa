/** Peers of other runtimes, each a process that times itself: libzstd in C, klauspost's in Go, and Bun's. */
import { execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { CACHE, compileHarness } from "../native/compile.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const BUN = fileURLToPath(
  new URL("../../test/runtimes/node_modules/@oven/bun-linux-x64/bin/bun", import.meta.url),
);
/** Where Debian's golang-github-klauspost-compress-dev puts its sources. */
const GO_PATH = "/usr/share/gocode";
const KLAUSPOST = `${GO_PATH}/src/github.com/klauspost/compress/zstd`;

/**
 * What a process answers: nanoseconds a call, the length of the result; in C and Go processor time a call, in Go bytes allocated a call.
 *
 * @typedef {{ nanoseconds: number, length: number, processor: number | undefined, allocated: number | undefined }} Answer
 *
 * A process that answers each line with a line.
 *
 * @typedef {{ ask(request: string): Promise<Answer>, stop(): void }} Child
 *
 * @param {string} program
 * @param {readonly string[]} args
 * @returns {Child}
 */
function startChild(program, args) {
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async ask(request) {
      child.stdin.write(`${request}\n`);
      const { value, done } = await lines.next();
      if (done) throw new Error(`${program} ended early, at: ${request}`);
      const [nanoseconds, length, processor, allocated] = value.split(" ").map(Number);
      return { nanoseconds, length, processor, allocated };
    },
    stop: () => child.kill(),
  };
}

/** @param {string} program @param {readonly string[]} args */
const outputOf = (program, args) =>
  execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();

function buildKlauspost() {
  if (!existsSync(KLAUSPOST)) throw new Error("apt-get install golang-github-klauspost-compress-dev");
  const program = join(CACHE, "klauspost");
  const env = { ...process.env, GO111MODULE: "off", GOPATH: GO_PATH, GOCACHE: join(CACHE, "go") };
  execFileSync("go", ["build", "-o", program, join(here, "klauspost/main.go")], { env });
  return program;
}

/**
 * Starts what there is on this machine; says on stderr what there is not, and how to get it.
 *
 * @param {string} data the file that requests have offsets in
 * @param {readonly ("libzstd" | "klauspost" | "bun")[]} wanted
 */
export function startChildren(data, wanted = ["libzstd", "klauspost", "bun"]) {
  /** @type {Map<"libzstd" | "klauspost" | "bun", Child>} */
  const children = new Map();
  /** @type {Record<string, string>} */
  const versions = {};
  /**
   * @param {"libzstd" | "klauspost" | "bun"} name
   * @param {() => void} start
   */
  const attempt = (name, start) => {
    if (!wanted.includes(name)) return;
    try {
      start();
    } catch (error) {
      const reason = error instanceof Error ? error.message.split("\n")[0] : String(error);
      console.error(`${name}: left out (${reason})`);
    }
  };
  attempt("libzstd", () => {
    children.set("libzstd", startChild(compileHarness(), [data]));
    versions["cc"] = outputOf("cc", ["-dumpfullversion"]);
  });
  attempt("klauspost", () => {
    children.set("klauspost", startChild(buildKlauspost(), [data]));
    versions["Go"] = outputOf("go", ["env", "GOVERSION"]);
    versions["klauspost/compress"] = outputOf("dpkg-query", [
      "-W",
      "-f",
      // oxlint-disable-next-line no-template-curly-in-string
      "${Version}",
      "golang-github-klauspost-compress-dev",
    ]);
  });
  attempt("bun", () => {
    if (!existsSync(BUN)) throw new Error("npm ci --prefix test/runtimes");
    versions["Bun"] = outputOf(BUN, ["--version"]);
    children.set("bun", startChild(BUN, [join(here, "bun.mjs"), data]));
  });
  return { children, versions };
}
