/** The network laboratory: namespaces of this machine with a link between them, made and taken down by lab.sh. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { connect } from "node:net";
import { fileURLToPath } from "node:url";

const script = fileURLToPath(new URL("lab/lab.sh", import.meta.url));
const folder = "/run/zstash-lab";
/** The middle of a routed lab carries this much less than its ends, as PPPoE does. */
export const SMALL_MTU = 1492;

/** What is missing to build a lab on this machine, or undefined. */
export function labNeeds() {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "root on Linux";
  if (!existsSync("/dev/net/tun")) return "/dev/net/tun";
  for (const program of ["bash", "ip", "gcc", "openssl", "redis-server"]) {
    const found = (process.env.PATH ?? "").split(":").some((path) => existsSync(`${path}/${program}`));
    if (!found) return `${program} on the PATH`;
  }
  return undefined;
}

/**
 * Two namespaces and a link between them; a routed lab has two routers more, around a link of MTU 1492.
 *
 * @param {"direct" | "routed"} kind
 * @param {(id: number) => void} begun told before anything is made, so that a half-made lab can be taken down
 * @returns {Promise<Lab>}
 *
 * @typedef {{ id: number, kind: "direct" | "routed", control: string, client: string, server: string, serverAddress: string }} Lab
 * @typedef {ReturnType<typeof openLink>} Link
 * @typedef {{ mbit?: number, rtt?: number, loss?: number }} LinkSettings
 */
export async function startLab(kind, begun) {
  const id = freeId();
  begun(id);
  const command = kind === "direct" ? ["up", `${id}`] : ["up4", `${id}`, `${SMALL_MTU}`];
  const child = spawn(script, command, { stdio: ["ignore", "ignore", "inherit"] });
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`Cannot build the lab: ${command.join(" ")} ended with ${code}`);
  return {
    id,
    kind,
    control: `${folder}/${id}/ctl`,
    client: `zc${id}`,
    server: `zs${id}`,
    serverAddress: kind === "direct" ? `10.77.${id}.2` : `10.8${id}.3.2`,
  };
}

/**
 * Takes a lab down, however much of it there is.
 *
 * @param {number} id
 */
export function stopLab(id) {
  execFileSync(script, ["down", `${id}`], { stdio: ["ignore", "ignore", "inherit"] });
}

function freeId() {
  const taken = new Set(existsSync("/run/netns") ? readdirSync("/run/netns") : []);
  for (let id = 1; id <= 9; id++) {
    if (["c", "a", "b", "s"].every((side) => !taken.has(`z${side}${id}`))) return id;
  }
  throw new Error(`Cannot build the lab: all nine are there; take one down with ${script} down 1`);
}

/**
 * The link's control socket. It is a file, so it can be reached from every namespace.
 *
 * @param {string} path
 */
export function openLink(path) {
  const socket = connect(path);
  let replies = "";
  /** @type {((line: string) => void)[]} */
  const waiting = [];
  socket.setEncoding("utf8").on("data", (text) => {
    replies += text;
    for (let end = replies.indexOf("\n"); end !== -1; end = replies.indexOf("\n")) {
      waiting.shift()?.(replies.slice(0, end));
      replies = replies.slice(end + 1);
    }
  });
  /** @param {string} command */
  const ask = async (command) => {
    /** @type {Promise<string>} */
    const reply = new Promise((resolve, reject) => {
      waiting.push(resolve);
      socket.once("error", reject);
    });
    socket.write(`${command}\n`);
    return reply.finally(() => socket.removeAllListeners("error"));
  };
  return {
    /**
     * Mbit/s (0 is unlimited), round trip in ms, loss in percent; the queue holds one bandwidth-delay product, at least 150 KB.
     *
     * @param {LinkSettings} settings
     */
    async set({ mbit = 0, rtt = 0, loss = 0 }) {
      const rate = mbit * 1e6;
      const queue = Math.max(150_000, Math.round((rate / 8 / 1000) * rtt));
      await ask(`set ${rate} ${rate} ${rtt * 500} ${loss * 1e4} ${loss * 1e4} ${queue}`);
    },
    /**
     * What has gone into the link since it was made: IP bytes and packets, up and down.
     *
     * @returns {Promise<Record<"upBytes" | "downBytes" | "upPackets" | "downPackets", number>>}
     */
    async stats() {
      return JSON.parse(await ask("stats"));
    },
    close: () => socket.destroy(),
  };
}
