/** Keeps the latest figures that clients send about themselves, for the page. */
import { wallClock } from "../../timers.ts";
import { Refusal } from "../request.ts";
import { toText } from "../text.ts";
import type { ClientFigures } from "./protocol.ts";

/** The most bytes of a snapshot. */
export const SNAPSHOT_MAX: number = 16 * 1024;
/** The most clients whose figures are kept; the one that was silent longest is dropped. */
const CLIENTS_MAX = 50;
/** The most figures that are kept of a client, and the longest names. */
const FIGURES_MAX = 64;
const NAME_MAX = 80;

/** The latest figures by client. */
export class Clients {
  readonly #byName = new Map<string, ClientFigures>();

  /**
   * Takes a snapshot: a JSON object of numbers by name, and `client`, the client's own name. Fields that are not
   * finite numbers are ignored, and so are those after the 64th.
   *
   * @throws {Refusal} 400 for anything else
   */
  add(body: Uint8Array): void {
    const snapshot = parse(body);
    const { client = "client" } = snapshot;
    const name = typeof client === "string" ? client.slice(0, NAME_MAX) : "client";
    const figures: [string, number][] = [];
    for (const [key, value] of Object.entries(snapshot)) {
      if (figures.length === FIGURES_MAX) break;
      if (typeof value === "number" && Number.isFinite(value) && key.length <= NAME_MAX)
        figures.push([key, value]);
    }
    this.#byName.delete(name);
    this.#byName.set(name, { client: name, at: wallClock(), figures: Object.fromEntries(figures) });
    const [oldest] = this.#byName.keys();
    if (this.#byName.size > CLIENTS_MAX && oldest !== undefined) this.#byName.delete(oldest);
  }

  list(): readonly ClientFigures[] {
    return [...this.#byName.values()].toReversed();
  }
}

function parse(body: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(toText(body));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  } catch {
    // The error says what is expected.
  }
  throw new Refusal(400, "ERR a JSON object of numbers is expected");
}
