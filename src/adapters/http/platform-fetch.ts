/** Tells whether Node's `fetch` is as Node made it: hosts, mocks, proxies and instrumentation rely on what they changed. */

/** Where undici keeps the dispatcher of every `fetch`, by the version of its interface. */
const dispatchers = [Symbol.for("undici.globalDispatcher.1"), Symbol.for("undici.globalDispatcher.2")];

type AnyFunction = (...args: never) => unknown;

/** Node's own functions name the module that they load. */
const natives = new WeakMap<AnyFunction, boolean>();

/** Whether a dispatcher was made without options, by dispatcher. */
const plains = new WeakMap<object, boolean>();

/**
 * Whether a global `fetch` is Node's own over its default dispatcher. Asked at each request: Next.js and others change it
 * before or after this module loads.
 */
export function isPlatformFetch(): boolean {
  const { fetch: current } = globalThis as { fetch?: unknown };
  if (current !== undefined && !(typeof current === "function" && isNative(current as AnyFunction)))
    return false;
  const held = globalThis as unknown as Record<symbol, unknown>;
  return isDefaultDispatcher(held[dispatchers[0]!]) && isDefaultDispatcher(held[dispatchers[1]!]);
}

function isNative(current: AnyFunction): boolean {
  let native = natives.get(current);
  if (native === undefined) {
    // A bound function and a Proxy have no text of their own. Node 20.0 loads undici by a function of this name.
    native = /internal\/deps\/undici|\blazyUndici\(\)/.test(Function.prototype.toString.call(current));
    natives.set(current, native);
  }
  return native;
}

/** The parts of undici's dispatchers that are looked at. */
interface Dispatcher {
  readonly dispatch?: unknown;
  readonly constructor?: { readonly name?: unknown; readonly prototype?: { readonly dispatch?: unknown } };
}

/** There is none before the first use of `fetch`. */
function isDefaultDispatcher(value: unknown): boolean {
  if (value === undefined) return true;
  if (typeof value !== "object" || value === null) return false;
  const { dispatch, constructor: made } = value as Dispatcher;
  // One that was composed shows another `dispatch` than its class.
  if (typeof dispatch !== "function" || dispatch !== made?.prototype?.dispatch) return false;
  let plain = plains.get(value);
  if (plain === undefined) {
    plain = made.name === "Dispatcher1Wrapper" || (made.name === "Agent" && isPlainAgent(value));
    plains.set(value, plain);
  }
  return plain;
}

/**
 * An Agent that was made without options, by whatever copy of undici: it connects as `node:http` does. One whose parts
 * are not found is none.
 */
function isPlainAgent(agent: object): boolean {
  const parts = new Map<string | undefined, unknown>();
  for (const symbol of Object.getOwnPropertySymbols(agent)) {
    parts.set(symbol.description, (agent as Record<symbol, unknown>)[symbol]);
  }
  const options = parts.get("options");
  const factory = parts.get("factory");
  const base: unknown = Object.getPrototypeOf(agent.constructor);
  return (
    typeof options === "object" &&
    options !== null &&
    Object.entries(options).every(([, value]) => value === undefined || value === Infinity) &&
    typeof factory === "function" &&
    factory.name === "defaultFactory" &&
    ((parts.get("maxRedirections") ?? 0) as number) === 0 &&
    typeof base === "function" &&
    /^_?DispatcherBase/.test(base.name)
  );
}
