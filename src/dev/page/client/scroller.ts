/** A table of any number of rows of equal height, of which only the visible ones have elements. */
import { h } from "./dom.ts";

/** What the table asks its owner for. */
export interface RowSource {
  /** Fills a row that is still empty. */
  draw(row: HTMLElement, index: number): void;
  /** The rows from `first` up to `end` have become visible. */
  seen(first: number, end: number): void;
  /** The row was chosen, by Enter or a click. */
  choose(index: number): void;
}

/** Rows that are made beyond the visible ones, so that scrolling shows no gaps. */
const MARGIN = 8;

/** A table with a head that scrolls by itself. */
export class Scroller {
  readonly element: HTMLElement;
  readonly #body: HTMLElement;
  readonly #head: HTMLElement;
  readonly #source: RowSource;
  readonly #rows = new Map<number, HTMLElement>();
  #count = 0;
  #active = 0;

  constructor(label: string, head: HTMLElement, source: RowSource) {
    this.#source = source;
    this.#head = head;
    this.#body = h("div", { class: "rows", role: "rowgroup" });
    this.element = h(
      "div",
      {
        class: "scroller",
        role: "grid",
        tabindex: 0,
        "aria-label": label,
        onscroll: () => this.#update(),
        onkeydown: (event: KeyboardEvent) => this.#move(event),
        onfocus: () => this.#mark(),
      },
      head,
      this.#body,
    );
    new ResizeObserver(() => this.redraw()).observe(this.element);
  }

  /** Sets the number of rows, and redraws the visible ones. */
  setCount(count: number): void {
    this.#count = count;
    this.#active = Math.max(0, Math.min(this.#active, count - 1));
    this.element.setAttribute("aria-rowcount", `${count + 1}`);
    this.redraw();
  }

  redraw(): void {
    for (const row of this.#rows.values()) row.remove();
    this.#rows.clear();
    this.#body.style.height = `${this.#count * this.#height}px`;
    this.#update();
  }

  /** The element of a row, if it is visible. */
  row(index: number): HTMLElement | undefined {
    return this.#rows.get(index);
  }

  toTop(): void {
    this.#active = 0;
    this.element.scrollTop = 0;
  }

  /** From the style sheet, which makes rows higher on narrow screens. */
  get #height(): number {
    return Number.parseInt(getComputedStyle(this.element).getPropertyValue("--row"), 10) || 36;
  }

  #update(): void {
    const height = this.#height;
    const { scrollTop, clientHeight } = this.element;
    const first = Math.max(0, Math.floor(scrollTop / height) - MARGIN);
    const end = Math.min(this.#count, Math.ceil((scrollTop + clientHeight) / height) + MARGIN);
    for (const [index, row] of this.#rows) {
      if (index >= first && index < end) continue;
      row.remove();
      this.#rows.delete(index);
    }
    for (let index = first; index < end; index++) {
      if (!this.#rows.has(index)) this.#add(index, height);
    }
    this.#mark();
    this.#source.seen(first, end);
  }

  #add(index: number, height: number): void {
    const onclick = (): void => {
      this.#active = index;
      this.#mark();
      this.#source.choose(index);
    };
    const row = h("div", {
      role: "row",
      class: "line",
      id: `row-${index}`,
      "aria-rowindex": index + 2,
      onclick,
    });
    row.style.transform = `translateY(${index * height}px)`;
    this.#source.draw(row, index);
    this.#rows.set(index, row);
    this.#body.append(row);
  }

  #mark(): void {
    for (const [index, row] of this.#rows) row.classList.toggle("active", index === this.#active);
    const active = this.#rows.get(this.#active);
    if (active === undefined) this.element.removeAttribute("aria-activedescendant");
    else this.element.setAttribute("aria-activedescendant", active.id);
  }

  #move(event: KeyboardEvent): void {
    const page = Math.max(1, Math.floor(this.element.clientHeight / this.#height) - 2);
    const steps: Readonly<Record<string, number>> = {
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: page,
      PageUp: -page,
      Home: -this.#count,
      End: this.#count,
    };
    const step = steps[event.key];
    if (event.key === "Enter" && this.#count > 0) this.#source.choose(this.#active);
    else if (step === undefined) return;
    else this.#activate(Math.max(0, Math.min(this.#count - 1, this.#active + step)));
    event.preventDefault();
  }

  /** Marks a row and scrolls it into view, below the head. */
  #activate(index: number): void {
    const height = this.#height;
    const head = this.#head.offsetHeight;
    this.#active = index;
    const { scrollTop, clientHeight } = this.element;
    const top = index * height;
    if (top < scrollTop) this.element.scrollTop = top;
    else if (top + height + head > scrollTop + clientHeight)
      this.element.scrollTop = top + height + head - clientHeight;
    this.#update();
  }
}
