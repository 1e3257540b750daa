// The panel that compares the codings: bytes on the wire, and when the first and the last row were on the screen.

const time = (ms) => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`);
const bytes = (count) => `${(count / 1e6).toFixed(2)} MB`;

/** What the page measures, in the order of the columns. */
const MEASURES = [
  { name: "wire", format: bytes },
  { name: "first", format: time },
  { name: "last", format: time },
];

export class Panel {
  #rows = new Map();

  /**
   * @param {HTMLElement} body
   * @param {readonly { coding: string, label: string, hint: string }[]} codings
   */
  constructor(body, codings) {
    for (const { coding, label, hint } of codings) {
      const row = body.insertRow();
      row.dataset.coding = coding;
      const head = document.createElement("th");
      head.scope = "row";
      head.append(label, Object.assign(document.createElement("small"), { textContent: hint }));
      row.append(head);
      const cells = MEASURES.map(() => {
        const cell = row.insertCell();
        cell.className = "number";
        const value = Object.assign(document.createElement("span"), { className: "value" });
        const track = Object.assign(document.createElement("span"), { className: "track" });
        track.setAttribute("aria-hidden", "true");
        const bar = Object.assign(document.createElement("span"), { className: "fill" });
        track.append(bar);
        cell.append(value, track);
        return { value, bar };
      });
      this.#rows.set(coding, { row, cells, figures: {} });
    }
    this.clear();
  }

  clear() {
    for (const entry of this.#rows.values()) {
      entry.figures = {};
      entry.row.classList.remove("running");
    }
    this.#draw();
  }

  /** Marks the coding that is measured now; undefined for none. */
  mark(coding) {
    for (const [name, { row }] of this.#rows) row.classList.toggle("running", name === coding);
  }

  /** @param {{ wire?: number, first?: number, last?: number }} figures bytes, and ms */
  set(coding, figures) {
    Object.assign(this.#rows.get(coding).figures, figures);
    this.#draw();
  }

  #draw() {
    const entries = [...this.#rows.values()];
    for (const [column, { name, format }] of MEASURES.entries()) {
      const most = Math.max(0, ...entries.map(({ figures }) => figures[name] ?? 0));
      for (const { row, cells, figures } of entries) {
        const figure = figures[name];
        cells[column].value.textContent = figure === undefined ? "–" : format(figure);
        cells[column].bar.style.inlineSize =
          figure === undefined ? "0" : `${Math.max(1, (100 * figure) / most)}%`;
        // For programs that read the page: whole bytes, ms.
        row.dataset[name] = figure === undefined ? "" : String(Math.round(figure * 10) / 10);
      }
    }
  }
}
