/** Shows the totals at the top of the page, and marks which of them are estimates. */
import type { Totals } from "../protocol.ts";
import { h } from "./dom.ts";
import { bytes, count, ratio } from "./format.ts";

/** The strip of totals. */
export function createTotals(): { readonly element: HTMLElement; set(totals: Totals): void } {
  const element = h("dl", { class: "totals", "aria-label": "Totals" });
  const cell = (name: string, value: string, note: string): HTMLElement =>
    h("div", {}, h("dt", {}, name), h("dd", {}, value), h("dd", { class: "note" }, note));
  return {
    element,
    set({ latest, memory }) {
      const { keys, sampled, strings, compressed, storedBytes, contentBytes } = latest;
      const isSample = sampled < keys;
      // The sample represents all keys: strings and others in the same shares.
      const scale = sampled === 0 ? 0 : Math.max(1, keys / sampled);
      const about = isSample ? "about " : "";
      const basis = isSample
        ? `from a sample of ${count(sampled)}`
        : strings === 1
          ? "1 string"
          : `${count(strings)} strings`;
      element.replaceChildren(
        cell(
          "Keys",
          count(keys),
          sampled === 0 ? "none yet" : `${about}${count(Math.round(compressed * scale))} compressed`,
        ),
        cell("Stored", `${about}${bytes(Math.round(storedBytes * scale))}`, basis),
        cell("Original", `${about}${bytes(Math.round(contentBytes * scale))}`, basis),
        cell("Ratio", strings === 0 ? "–" : ratio(contentBytes, storedBytes), "original ÷ stored"),
        cell(
          "Memory",
          memory === null ? "–" : bytes(memory),
          memory === null ? "this backend does not say" : "used by Redis",
        ),
      );
    },
  };
}
