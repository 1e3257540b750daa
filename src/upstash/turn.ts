/** The turn of a value that is decoded: it waits for the event loop, and for as long as its request is wanted. */
import type { Settings } from "./settings.ts";

/**
 * Waits until the event loop has run for others; undefined if there is nothing to wait for. Throws the signal's reason
 * if the request in hand is aborted.
 */
export function takeTurn(settings: Settings): Promise<void> | undefined {
  requireWanted(settings);
  return settings.pace.spend(0, 0)?.then(() => requireWanted(settings));
}

function requireWanted({ signal }: Settings): void {
  if (signal?.aborted === true) throw signal.reason;
}
