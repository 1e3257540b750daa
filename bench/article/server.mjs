/** The local server on a real Redis, in a process of its own, for sections that go through clients. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/**
 * @template Result
 * @param {(server: import("node:child_process").ChildProcess, address: { url: string, counted: string, token: string, backend: string }) => Promise<Result>} run
 * @param {number} [limit] bytes of a request and of a reply
 */
export async function withServer(run, limit) {
  const program = fileURLToPath(new URL("../wire/server.mjs", import.meta.url));
  const server = fork(program, limit === undefined ? [] : [`${limit}`]);
  try {
    const started = once(server, "message");
    const ended = once(server, "exit").then(([code]) => {
      throw new Error(`Cannot start the local server: exit code ${code}`);
    });
    const [address] = await Promise.race([started, ended]);
    ended.catch(() => undefined);
    return await run(server, {
      ...address,
      backend: address.backend.replace(/ started on .*| on 127.*/, ""),
    });
  } finally {
    server.disconnect();
  }
}
