// What the fixtures talk to: a real Redis behind `zstash/dev`, a MONITOR of the commands that reach it, and a server that
// counts its visits, for what Next.js keeps of a plain `fetch`.

import { createServer } from "node:http";
import { once } from "node:events";
import { createDevServer } from "../../dist/dev/index.js";

/**
 * Counts the commands that carry a key of the fixtures (`carrier:kind:name`), by MONITOR: what a client sends in one
 * request or in several, as JSON or in the URL, counts the same.
 */
async function watch(url, token, command) {
  const closing = new AbortController();
  const response = await fetch(`${url}/monitor`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, accept: "text/event-stream" },
    signal: closing.signal,
  });
  if (!response.ok) throw new Error(`MONITOR: ${response.status} ${await response.text()}`);
  /** @type {Map<string, number>} */
  const counts = new Map();
  const reading = (async () => {
    let rest = "";
    const decoder = new TextDecoder();
    for await (const chunk of response.body) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop();
      for (const line of lines) {
        const [, command, key] = /\] "(\w+)" "(\w+:[\w-]+:[\w-]+)"/.exec(line) ?? [];
        if (command === undefined) continue;
        const name = `${command.toUpperCase()} ${key}`;
        counts.set(name, (counts.get(name) ?? 0) + 1);
      }
    }
  })().catch((error) => closing.signal.aborted || console.error("MONITOR ended", error));
  // fetch gives up a body that is silent for five minutes, and a build may take as long.
  const beat = setInterval(() => command(["PING"]).catch(() => undefined), 60_000);
  return {
    /** The counts so far, by command and key; they begin anew. */
    async take() {
      // MONITOR is ordered: what this command shows up behind has been counted.
      const mark = `mark:${crypto.randomUUID()}:mark`;
      await command(["GET", mark]);
      const deadline = performance.now() + 60_000;
      while (!counts.has(`GET ${mark}`)) {
        if (performance.now() > deadline) throw new Error("MONITOR shows nothing any more");
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      counts.delete(`GET ${mark}`);
      const taken = [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
      counts.clear();
      return taken;
    },
    async close() {
      clearInterval(beat);
      closing.abort();
      await reading;
    },
  };
}

/** Visits that a server makes are above this number, those of a build below: how often that asks differs from run to run. */
export const SERVED = 100;

/** A server that answers with the number of visits to a path. */
async function countVisits() {
  const visits = new Map();
  let least = 0;
  const server = createServer(({ url }, response) => {
    // On a busy machine a page may ask just when a connection that idled for 5 s is closed.
    response.setHeader("connection", "close");
    visits.set(url, Math.max(visits.get(url) ?? 0, least) + 1);
    response.end(String(visits.get(url)));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    /** Whether it is a server that visits from now on, and no build. What is kept by its URL is the same for both. */
    countServed(served) {
      least = served ? SERVED : 0;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** Starts all of it. */
export async function startRig() {
  const token = "next";
  const server = await createDevServer({ backend: "redis-server", token });
  const closers = [() => server.close()];
  const close = async () => {
    for (const closer of closers.splice(0).toReversed()) await closer();
  };
  try {
    const { url } = await server.listen();
    const visits = await countVisits();
    closers.push(visits.close);
    const command = async (words) => {
      const response = await fetch(url, {
        method: "POST",
        headers: { authorization: `Bearer ${token}` },
        body: JSON.stringify(words),
      });
      const { result, error } = await response.json();
      if (error !== undefined) throw new Error(`${words[0]}: ${error}`);
      return result;
    };
    const monitor = await watch(url, token, command);
    closers.push(monitor.close);
    return {
      environment: { UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token, VISITS: visits.url },
      command,
      takeCounts: monitor.take,
      countServed: visits.countServed,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
