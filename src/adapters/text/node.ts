/** Strings as UTF-16 in memory, on Node: Buffer copies them as they lie, 20 times as fast as older versions encode them. */
import type buffer from "node:buffer";
import type { UnitAccess } from "../../text.ts";
import { requireBuiltin } from "../node.ts";

/** Node's major version. */
function major(): number {
  const { versions } = requireBuiltin("node:process") as { readonly versions: { readonly node: string } };
  return Number.parseInt(versions.node, 10);
}

/**
 * Node's own coders take one character at a time where a string has one above U+00FF: the encoder before Node 26, the
 * decoder before Node 24. Later ones take many, as zstash does.
 */
export const unitAccess: UnitAccess | undefined = {
  get encodes() {
    return major() < 26;
  },
  get decodes() {
    return major() < 24;
  },
  view: (memory) => (requireBuiltin("node:buffer") as typeof buffer).Buffer.from(memory),
};
