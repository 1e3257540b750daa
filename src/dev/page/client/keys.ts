/** Lists the keys of the database and searches them; facts about keys are requested when their rows become visible. */
import type { KeyEntry, KeyFacts, KeyPage } from "../protocol.ts";
import { api, idOf } from "./api.ts";
import { createDetail } from "./detail.ts";
import { h, say, type Tab } from "./dom.ts";
import { bytes, count, ratio, ttl, visible } from "./format.ts";
import { Scroller } from "./scroller.ts";

/** The most keys that are listed. */
const KEYS_MAX = 200_000;
/** Keys that are requested at first, so that they show soon, and then at a time. */
const FIRST_KEYS = 500;
const PART_KEYS = 10_000;
/** Keys whose facts one request asks for. */
const FACTS_AT_ONCE = 50;
/** How long a user must stop typing before a search begins, in ms. */
const TYPING_MS = 250;
/** How long rows must be visible before their facts are requested, in ms: rows that scroll past are skipped. */
const REST_MS = 80;
/** The most facts that are kept. */
const FACTS_MAX = 5_000;

const COLUMNS = ["Key", "Type", "TTL", "Stored", "Original", "Ratio", "Carrier", "Dictionary"] as const;

const nameOf = (entry: KeyEntry): string => (typeof entry === "string" ? entry : entry.name);

/** The pattern for SCAN: a text without wildcards may be anywhere in the name. */
function patternOf(text: string): string {
  return text === "" || /[*?[\]]/.test(text) ? text : `*${text.replaceAll("\\", "\\\\")}*`;
}

/**
 * The view of the keys. `connect` leads to the code that writes the first one; `ready` is called when some are shown.
 */
export function createKeys(connect: () => void, ready: () => void): Tab & { setCount(keys: number): void } {
  let keys: KeyEntry[] = [];
  const facts = new Map<string, KeyFacts>();
  /** Each listing has a number: results of an earlier one are dropped. */
  let listing = 0;
  let known = -1;
  let inSight: readonly [first: number, end: number] = [0, 0];
  let resting: ReturnType<typeof setTimeout> | undefined;

  const search = h("input", {
    id: "search",
    type: "search",
    placeholder: "Search: name or pattern",
    "aria-label": "Search keys",
    spellcheck: "false",
    autocomplete: "off",
  });
  const progress = h("p", { class: "muted note", role: "status" });
  const empty = h("div", { class: "empty" });
  const detail = createDetail(() => {
    element.classList.remove("open");
    table.element.focus();
  });
  const head = h(
    "div",
    { role: "row", class: "line head" },
    ...COLUMNS.map((name) => h("span", { role: "columnheader", class: name.toLowerCase() }, name)),
  );
  const table = new Scroller("Keys", head, { draw, seen, choose });

  function draw(row: HTMLElement, index: number): void {
    const entry = keys[index];
    if (entry === undefined) return;
    const id = idOf(entry);
    const name = visible(nameOf(entry)) + (typeof entry === "string" ? "" : entry.nameSize > 200 ? "…" : "");
    const fact = id === null ? undefined : facts.get(id);
    const cell = (column: string, text: string, title?: string): HTMLElement =>
      h("span", { role: "gridcell", class: column, title }, text);
    const gone = fact?.type === "none";
    const elements = fact?.count === null || fact === undefined ? "" : ` ${count(fact.count)}`;
    const wait = id === null ? "–" : "";
    row.replaceChildren(
      h(
        "span",
        { role: "gridcell", class: "key", dir: "ltr", title: name },
        name === "" ? "(empty name)" : name,
      ),
      cell("type", fact === undefined ? wait : gone ? "gone" : `${fact.type}${elements}`),
      cell(fact?.ttl === null ? "ttl never" : "ttl", fact === undefined || gone ? wait : ttl(fact.ttl)),
      cell("stored", fact === undefined ? wait : bytes(fact.storedSize)),
      cell(
        fact === undefined || fact.carrier === null ? "original same" : "original",
        fact === undefined ? wait : bytes(fact.size),
      ),
      cell(
        "ratio",
        fact === undefined ? wait : fact.kind === "plain" ? "1×" : ratio(fact.size, fact.storedSize),
      ),
      cell("carrier", fact === undefined ? wait : carrierOf(fact), fact?.fault ?? undefined),
      cell("dictionary", fact === undefined ? wait : fact.dictionaryId === 0 ? "–" : `${fact.dictionaryId}`),
    );
    row.classList.toggle("bad", fact?.fault !== null && fact !== undefined);
    row.classList.toggle("packed", fact !== undefined && fact.carrier !== null);
  }

  function seen(first: number, end: number): void {
    inSight = [first, end];
    clearTimeout(resting);
    resting = setTimeout(() => void askFacts(first, end, listing).catch(() => undefined), REST_MS);
  }

  /** Requests the facts for rows; with `again`, also those that are known. */
  async function askFacts(first: number, end: number, number: number, again = false): Promise<void> {
    const wanted = [];
    for (let index = first; index < end; index++) {
      const id = keys[index] === undefined ? null : idOf(keys[index]!);
      if (id !== null && (again || !facts.has(id))) wanted.push({ index, id });
    }
    for (let at = 0; at < wanted.length && number === listing; at += FACTS_AT_ONCE) {
      const part = wanted.slice(at, at + FACTS_AT_ONCE);
      const found = await api.facts(part.map(({ id }) => id));
      if (number !== listing) return;
      if (facts.size > FACTS_MAX) facts.clear();
      for (const [place, { index, id }] of part.entries()) {
        if (found[place] !== undefined) facts.set(id, found[place]);
        const row = table.row(index);
        if (row !== undefined) draw(row, index);
      }
    }
  }

  function choose(index: number): void {
    const entry = keys[index];
    const id = entry === undefined ? null : idOf(entry);
    if (entry === undefined || id === null) return say("The name of this key is too long to open it");
    element.classList.add("open");
    detail.open(id, nameOf(entry));
  }

  /**
   * Lists the keys that match. The first part is shown at once, with its facts; the others together, in order of
   * names.
   */
  async function list(): Promise<void> {
    const number = ++listing;
    const match = patternOf(search.value);
    const found = new Map<string, KeyEntry>();
    facts.clear();
    progress.textContent = "Reading keys…";
    let cursor = "0";
    do {
      const hasNone = found.size === 0;
      const page: KeyPage = await api.keys(cursor, match, cursor === "0" ? FIRST_KEYS : PART_KEYS);
      if (number !== listing) return;
      // A scan may give a key twice while others are added and removed.
      for (const entry of page.keys) found.set(idOf(entry) ?? nameOf(entry), entry);
      ({ cursor } = page);
      if (cursor !== "0") progress.textContent = `${count(found.size)} keys, reading on…`;
      // The first part with keys is shown, and then the last one together with all others.
      if (cursor !== "0" && (!hasNone || found.size === 0)) continue;
      show([...found.values()]);
      clearTimeout(resting);
      await askFacts(...inSight, number);
      ready();
    } while (cursor !== "0" && found.size < KEYS_MAX && number === listing);
    if (number !== listing) return;
    if (cursor !== "0") show([...found.values()]);
    const more = cursor !== "0";
    const what = `${count(found.size)} ${found.size === 1 ? "key" : "keys"}${match === "" ? "" : " found"}`;
    progress.textContent = more ? `${what}, the first of them: search to find others` : what;
  }

  function show(found: readonly KeyEntry[]): void {
    keys = found.toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
    table.element.hidden = keys.length === 0;
    table.setCount(keys.length);
    empty.hidden = keys.length > 0;
    if (keys.length === 0) empty.replaceChildren(...emptyText(search.value, connect));
  }

  let typing: ReturnType<typeof setTimeout> | undefined;
  const restart = (): void => {
    table.toTop();
    list().catch((error: unknown) => {
      progress.textContent = `The keys cannot be read: ${String(error)}`;
      ready();
    });
  };
  search.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(restart, TYPING_MS);
  });
  search.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") table.element.focus();
  });

  const element = h(
    "div",
    { class: "keys" },
    h(
      "div",
      { class: "panel list" },
      h(
        "div",
        { class: "row bar" },
        h("span", { class: "grow find" }, search, h("kbd", { "aria-hidden": "true" }, "/")),
        h("button", { onclick: restart }, "Refresh"),
      ),
      progress,
      table.element,
      empty,
    ),
    detail.element,
  );
  table.element.hidden = true;
  empty.hidden = true;
  restart();
  return {
    element,
    show: () => table.redraw(),
    setCount(total) {
      // The list is refreshed by itself if that is cheap and nobody is working in it.
      const isSmall = total <= 1_000 && known <= 1_000;
      const isFirst = known === -1;
      const changed = !isFirst && total !== known;
      known = total;
      if (changed && isSmall && search.value === "") list().catch(() => undefined);
      else if (!isFirst && table.element.offsetParent !== null)
        void askFacts(...inSight, listing, true).catch(() => undefined);
      if (changed && !isSmall)
        progress.textContent = `${count(keys.length)} keys listed; the database has ${count(total)} now`;
    },
  };
}

/** How a value is stored, in a word or two. */
function carrierOf({ carrier, kind, type }: KeyFacts): string {
  if (type !== "string") return "–";
  if (carrier === null) return "plain";
  return kind === "frame" ? carrier : `${carrier}, ${kind === "seekable" ? "seekable" : "frames"}`;
}

function emptyText(searched: string, connect: () => void): Node[] {
  if (searched !== "")
    return [h("h2", {}, "No such keys"), h("p", { class: "muted" }, "No name matches the search.")];
  return [
    h("h2", {}, "No keys yet"),
    h(
      "p",
      { class: "muted" },
      "Whatever a client stores here shows up in this list, with its size before and after.",
    ),
    h("button", { class: "primary", onclick: connect }, "How to connect"),
  ];
}
