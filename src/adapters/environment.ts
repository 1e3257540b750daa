/**
 * The environment variables and the name of the process, where there is one. `@upstash/redis` looks them up as well,
 * and this is the only file that does. They are looked up at each call, because a Worker may have them only while it
 * handles a request.
 */

interface HostProcess {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly version?: string;
}

const host = globalThis as { readonly process?: HostProcess; readonly EdgeRuntime?: unknown };

/** The variables of the process; an empty object where there is no process, as in a page. */
export function environment(): Readonly<Record<string, string | undefined>> {
  return host.process?.env ?? {};
}

/** The name of the runtime as the SDK reports it. */
export function runtimeName(): string {
  if (typeof host.EdgeRuntime === "string") return "edge-light";
  const version = host.process?.version;
  return version ? `node@${version}` : "unknown";
}
