// The list of flights: a table of any length of which only the rows in sight exist.

/** Height of a row in px, as in style.css. */
const ROW = 28;
/** Rows beyond each edge, so that fast scrolling shows no gap. */
const MARGIN = 8;

const number = new Intl.NumberFormat("en-US");

function clock(time) {
  const minutes = Math.round(time * 60);
  return `${String(Math.floor(minutes / 60) % 24).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;
}

const delayText = (delay) => (delay < 0 ? `−${-delay}` : delay > 0 ? `+${delay}` : "0");

export class List {
  #scroller;
  #table;
  #body;
  #flights;

  constructor(scroller) {
    this.#scroller = scroller;
    this.#table = scroller.querySelector("table");
    this.#body = scroller.querySelector("tbody");
    scroller.addEventListener("scroll", () => this.draw(), { passive: true });
    new ResizeObserver(() => this.draw()).observe(scroller);
  }

  show(flights) {
    this.#flights = flights;
    this.#table.setAttribute("aria-rowcount", "-1");
    this.#scroller.scrollTop = 0;
  }

  /** Says how long the list is, once that is known. */
  finish() {
    this.#table.setAttribute("aria-rowcount", String(this.#flights.length + 1));
  }

  draw() {
    const flights = this.#flights;
    if (flights === undefined) return;
    const { scrollTop, clientHeight } = this.#scroller;
    const start = Math.max(0, Math.floor(scrollTop / ROW) - MARGIN);
    const end = Math.min(flights.length, Math.ceil((scrollTop + clientHeight) / ROW) + MARGIN);
    const rows = [spacer(start)];
    for (let index = start; index < end; index++) rows.push(rowOf(flights, index));
    rows.push(spacer(flights.length - end));
    this.#body.replaceChildren(...rows);
  }
}

function spacer(count) {
  const row = document.createElement("tr");
  row.setAttribute("aria-hidden", "true");
  const cell = row.insertCell();
  cell.colSpan = 4;
  cell.className = "spacer";
  cell.style.height = `${count * ROW}px`;
  return row;
}

function rowOf(flights, index) {
  const row = document.createElement("tr");
  row.setAttribute("aria-rowindex", String(index + 2));
  if (index % 2 === 1) row.className = "odd";
  const delay = flights.delay[index];
  const cells = [
    number.format(index + 1),
    clock(flights.time[index]),
    delayText(delay),
    number.format(flights.distance[index]),
  ];
  for (const text of cells) {
    const cell = row.insertCell();
    cell.className = "number";
    cell.textContent = text;
  }
  if (delay >= 60) row.cells[2].classList.add("late");
  return row;
}
