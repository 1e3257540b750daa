/** Stored values read with `redis-cli` and `zstd`, without any of our code. */
import { spawnSync } from "node:child_process";

const MAX_BYTES = 64 << 20;

const pipelines = {
  text: `redis-cli -p "$1" --raw GET "$2" | cut -c5- | base64 -d | zstd -dcq`,
  // Without -D there would be a line feed behind the frame.
  raw: `redis-cli -p "$1" --raw -D "" GET "$2" | zstd -dcq`,
};

/** @param {string} program */
const missing = (program) => spawnSync(program, ["--version"]).error !== undefined;

/**
 * Reads values, and compares each with what it must be.
 *
 * @param {{ backend: string, password: string }} server What the server says of itself: a redis-server on a port of this
 *   machine, or something else.
 * @param {readonly { carrier: "text" | "raw", key: string, text: string }[]} values
 * @returns {{ line: string, failed: boolean }} What is to be said of it.
 */
export function readByCommandLine({ backend, password }, values) {
  const [, port] = /127\.0\.0\.1:(\d+)/.exec(backend) ?? [];
  if (port === undefined) return skipped("the server has no Redis of its own");
  const absent = ["redis-cli", "zstd"].filter(missing);
  if (absent.length > 0) return skipped(`not on the PATH: ${absent.join(", ")}`);
  const wrong = values
    .filter(({ carrier, key, text }) => {
      const words = ["-c", pipelines[carrier], "sh", port, key];
      const env = { ...process.env, REDISCLI_AUTH: password };
      const { stdout } = spawnSync("sh", words, { maxBuffer: MAX_BYTES, env });
      return stdout?.toString("utf8") !== text;
    })
    .map(({ key }) => key);
  const outcome = wrong.length === 0 ? "equal, byte for byte" : `NOT equal: ${wrong.join(", ")}`;
  return {
    line: `redis-cli GET | zstd -d, one value of each carrier and the large one: ${outcome}.`,
    failed: wrong.length > 0,
  };
}

/** @param {string} reason */
function skipped(reason) {
  return {
    line: `redis-cli GET | zstd -d: not tried (${reason}).`,
    failed: false,
  };
}
