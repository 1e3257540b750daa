// Flights as columns of numbers, filled line by line while the response arrives.

/** How long lines are read before the page may paint, in ms. */
const SLICE = 24;
/** Rows that are shown before any more are read: a screenful. The first chunk of a compressed response has thousands. */
const FIRST = 50;

/** 200,000 of them take 1.6 MB this way; as objects they would take ten times as much. */
export class Flights {
  length = 0;
  #capacity = 16_384;
  time = new Float32Array(this.#capacity);
  delay = new Int16Array(this.#capacity);
  distance = new Int16Array(this.#capacity);

  push({ time, delay, distance }) {
    if (this.length === this.#capacity) this.#grow();
    this.time[this.length] = time;
    this.delay[this.length] = delay;
    this.distance[this.length] = distance;
    this.length++;
  }

  #grow() {
    this.#capacity *= 2;
    for (const name of ["time", "delay", "distance"]) {
      const column = new this[name].constructor(this.#capacity);
      column.set(this[name]);
      this[name] = column;
    }
  }
}

/** Lets the page paint and take clicks. */
const pause = () => globalThis.scheduler?.yield?.() ?? new Promise((resume) => setTimeout(resume, 0));

/**
 * Reads lines of JSON into `flights`.
 *
 * @param {Response} response
 * @param {Flights} flights
 * @param {() => void} onRows when there are rows to show
 * @returns {Promise<Uint8Array>} the SHA-256 of the content
 */
export async function readFlights(response, flights, onRows) {
  const decoder = new TextDecoder();
  const reader = response.body.getReader();
  const chunks = [];
  let rest = "";
  let sliceStart = performance.now();
  for (;;) {
    const { done, value } = await reader.read();
    const lines = (rest + decoder.decode(value, { stream: !done })).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      flights.push(JSON.parse(line));
      if (flights.length !== FIRST && performance.now() - sliceStart < SLICE) continue;
      onRows();
      await pause();
      sliceStart = performance.now();
    }
    if (lines.length > 0) onRows();
    if (done) break;
    chunks.push(value);
  }
  if (rest !== "") throw new Error("the last line is not whole");
  return new Uint8Array(await crypto.subtle.digest("SHA-256", await new Blob(chunks).arrayBuffer()));
}
