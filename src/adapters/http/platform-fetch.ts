/** Tells whether Node's `fetch` is unchanged: hosts, mocks, proxies and instrumentation rely on their changes to it. */

/** Where undici keeps the dispatcher of every `fetch`: one symbol for each version of its interface. */
const dispatchers = [Symbol.for("undici.globalDispatcher.1"), Symbol.for("undici.globalDispatcher.2")];

type AnyFunction = (...args: never) => unknown;

/** Whether a function is Node's own, by function. Node's own functions name the module that they load. */
const natives = new WeakMap<AnyFunction, boolean>();

/** Whether a dispatcher was made without options, by dispatcher. */
const plains = new WeakMap<object, boolean>();

/**
 * Whether the global `fetch` is Node's own, over its default dispatcher. It is asked at each request, because Next.js
 * and others change `fetch` before or after this module loads.
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
    // A bound function and a Proxy have no source text. Node 20.0 loads undici by a function of this name.
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

/** Undefined counts as the default: before the first use of `fetch` there is no dispatcher. */
function isDefaultDispatcher(value: unknown): boolean {
  if (value === undefined) return true;
  if (typeof value !== "object" || value === null) return false;
  const { dispatch, constructor: made } = value as Dispatcher;
  // A composed dispatcher has another `dispatch` than its class.
  if (typeof dispatch !== "function" || dispatch !== made?.prototype?.dispatch) return false;
  let plain = plains.get(value);
  if (plain === undefined) {
    plain = made.name === "Dispatcher1Wrapper" || (made.name === "Agent" && isPlainAgent(value));
    plains.set(value, plain);
  }
  return plain;
}

/**
 * An Agent that was made without options, by any copy of undici: it connects as `node:http` does. An agent without
 * the expected parts does not count.
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
