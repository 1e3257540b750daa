/**
 * Defaults for Node, and strings as UTF-16 in memory: Buffer copies them as they are, 20 times as fast as older versions
 * of Node encode them.
 */
import type buffer from "node:buffer";
import type { UnitAccess } from "../../text.ts";
import { requireBuiltin } from "../node.ts";

export { DEFAULT_MAX_REPLY_SIZE, DEFAULT_MEMORY_LIMIT, REQUESTS_END_SILENTLY } from "./process.ts";

/** Node's major version. */
function major(): number {
  const { versions } = requireBuiltin("node:process") as { readonly versions: { readonly node: string } };
  return Number.parseInt(versions.node, 10);
}

/** Longer texts that are not ASCII become strings of two bytes a character, from the megabyte that Node keeps outside V8's heap. */
const LOSSY_BELOW = 1_000_000;

/**
 * Node's own coders take one character at a time where a string has one above U+00FF: the encoder before Node 26, the
 * decoder before Node 24. Later ones take many, as zstash does; of those the lossy one takes half of what the fatal one
 * takes, except for ASCII, and Buffer calls it directly.
 */
export const unitAccess: UnitAccess | undefined = {
  get encodes() {
    return major() < 26;
  },
  get decodes() {
    return major() < 24;
  },
  get lossyBelow() {
    return major() < 24 ? 0 : LOSSY_BELOW;
  },
  view: (memory) => (requireBuiltin("node:buffer") as typeof buffer).Buffer.from(memory),
};
