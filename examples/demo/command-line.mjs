/** Stored values read with `redis-cli` and `zstd`, without any of our code. */
import { spawnSync } from "node:child_process";

const MAX_BYTES = 64 << 20;

const pipelines = {
  text: `redis-cli -p "$1" --raw GET "$2" | cut -c5- | base64 -d | zstd -dcq`,
  // Without -D there would be a line feed behind the frame.
  raw: `redis-cli -p "$1" --raw -D "" GET "$2" | zstd -dcq`,
};

const missing = (program) => spawnSync(program, ["--version"]).error !== undefined;

/**
 * Reads one value of each carrier.
 *
 * @param {string} backend What the server says of itself: a redis-server on a port of this machine, or something else.
 * @param {{ text: string, raw: string }} keys
 * @param {string} value What both must be.
 * @returns {{ line: string, failed: boolean }} What is to be said of it.
 */
export function readByCommandLine(backend, keys, value) {
  const [, port] = /127\.0\.0\.1:(\d+)/.exec(backend) ?? [];
  if (port === undefined) return skipped("the server has no Redis of its own");
  const absent = ["redis-cli", "zstd"].filter(missing);
  if (absent.length > 0) return skipped(`not on the PATH: ${absent.join(", ")}`);
  const wrong = Object.entries(pipelines)
    .filter(([carrier, pipeline]) => {
      const words = ["-c", pipeline, "sh", port, keys[carrier]];
      const { stdout } = spawnSync("sh", words, { maxBuffer: MAX_BYTES });
      return stdout?.toString("utf8") !== value;
    })
    .map(([carrier]) => carrier);
  const outcome = wrong.length === 0 ? "equal, byte for byte" : `NOT equal: ${wrong.join(", ")}`;
  return {
    line: `redis-cli GET | zstd -d, one value of each carrier: ${outcome}.`,
    failed: wrong.length > 0,
  };
}

function skipped(reason) {
  return {
    line: `redis-cli GET | zstd -d, one value of each carrier: not tried (${reason}).`,
    failed: false,
  };
}
