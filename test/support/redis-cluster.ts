/** Starts a Redis Cluster of three masters on loopback ports, each with a third of the slots. */
import { connectRedis } from "../../src/dev/redis/index.ts";
import type { RespValue } from "../../src/rest/resp.ts";
import { freePort, startRedis, type RedisServer } from "./redis.ts";

export interface RedisCluster {
  readonly nodes: readonly RedisServer[];
  /** The number of the node that has a key. */
  ownerOf(key: string): Promise<number>;
  stop(): Promise<void>;
}

const SLOTS = 16_384;
const NODES = 3;

/** Starts the masters, gives them their slots, makes them known to each other and waits until all agree. */
export async function startCluster(): Promise<RedisCluster> {
  const nodes: RedisServer[] = [];
  for (let node = 0; node < NODES; node++) {
    const [port, bus] = [await freePort(), await freePort()];
    nodes.push(
      await startRedis(["--cluster-enabled", "yes", "--cluster-port", `${bus}`, "--bind", "127.0.0.1"], port),
    );
    // Read by MEET below.
    buses.set(port, bus);
  }
  const backends = await Promise.all(nodes.map(({ url }) => connectRedis(url)));
  const send = (node: number, ...words: (string | number)[]): Promise<RespValue> =>
    backends[node]!.execute(words.map((word) => new TextEncoder().encode(`${word}`)));
  for (const node of nodes.keys()) {
    const [first, last] = [node, node + 1].map((part) => Math.floor((SLOTS * part) / NODES)) as [
      number,
      number,
    ];
    await send(node, "CLUSTER", "ADDSLOTSRANGE", first, last - 1);
    await send(node, "CLUSTER", "SET-CONFIG-EPOCH", node + 1);
  }
  for (const { port } of nodes.slice(1)) {
    await send(0, "CLUSTER", "MEET", "127.0.0.1", port, buses.get(port)!);
  }
  const isReady = async (node: number): Promise<boolean> => {
    const reply = await send(node, "CLUSTER", "INFO");
    const text = reply.kind === "bulk" ? new TextDecoder().decode(reply.bytes!) : "";
    return text.includes("cluster_state:ok") && text.includes(`cluster_known_nodes:${NODES}`);
  };
  for (let tries = 0; ; tries++) {
    const ready = await Promise.all([...nodes.keys()].map(isReady));
    if (ready.every(Boolean)) break;
    if (tries === 300) throw new Error("Cannot start a Redis Cluster: its nodes do not agree");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return {
    nodes,
    async ownerOf(key) {
      const reply = await send(0, "CLUSTER", "KEYSLOT", key);
      const slot = reply.kind === "integer" ? Number(reply.value) : 0;
      const index = nodes.findIndex((_, node) => slot < Math.floor((SLOTS * (node + 1)) / NODES));
      return index;
    },
    async stop() {
      await Promise.all(backends.map((backend) => backend.close()));
      await Promise.all(nodes.map((node) => node.stop()));
    },
  };
}

const buses = new Map<number, number>();
