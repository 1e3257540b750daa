// The plot: how many flights there are at each time of day and delay, and the average delay. Rows are added as they arrive.

/** Bins: five minutes of the day across, two minutes and a half of delay upwards. */
const COLUMNS = 288;
const ROWS = 84;
const DELAY_MIN = -30;
const DELAY_MAX = 180;
/** Flights in a bin that have the last colour. The scale is the same from the first row to the last. */
const MANY = 150;
/** Bins of the average: a quarter of an hour. Fewer flights than this have none. */
const QUARTERS = 96;
const FEW = 60;
const LEFT = 56;
const BOTTOM = 26;
const TOP = 8;
const RIGHT = 12;

const minutes = new Intl.NumberFormat("en-US", { signDisplay: "negative" });
const rgb = (hex) => [1, 3, 5].map((place) => parseInt(hex.slice(place, place + 2), 16));

export class Plot {
  #canvas;
  #counts;
  #sums;
  #numbers;
  #read = 0;
  #image = new OffscreenCanvas(COLUMNS, ROWS);
  #colors;

  constructor(canvas) {
    this.#canvas = canvas;
    this.clear();
    this.#readColors();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.#readColors();
      this.draw();
    });
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  clear() {
    this.#counts = new Uint16Array(COLUMNS * ROWS);
    this.#sums = new Float64Array(QUARTERS);
    this.#numbers = new Uint32Array(QUARTERS);
    this.#read = 0;
  }

  /** Takes the flights that have come since the last call. */
  add(flights) {
    for (; this.#read < flights.length; this.#read++) {
      const time = flights.time[this.#read];
      const delay = flights.delay[this.#read];
      const column = Math.min(COLUMNS - 1, Math.floor((time / 24) * COLUMNS));
      const part = (delay - DELAY_MIN) / (DELAY_MAX - DELAY_MIN);
      if (part >= 0 && part < 1) this.#counts[Math.floor(part * ROWS) * COLUMNS + column]++;
      const quarter = Math.min(QUARTERS - 1, Math.floor(time * 4));
      this.#sums[quarter] += delay;
      this.#numbers[quarter]++;
    }
  }

  /** "at 6:00 −1 min, at 12:00 6 min, …": the average delay, for who does not see the plot too. */
  describe() {
    const averageOf = (hour) => {
      let [sum, count] = [0, 0];
      for (let quarter = hour * 4; quarter < hour * 4 + 4; quarter++) {
        sum += this.#sums[quarter];
        count += this.#numbers[quarter];
      }
      return Math.round(sum / Math.max(1, count));
    };
    return [6, 12, 18, 22].map((hour) => `at ${hour}:00 ${minutes.format(averageOf(hour))} min`).join(", ");
  }

  #readColors() {
    const style = getComputedStyle(document.documentElement);
    const color = (name) => style.getPropertyValue(name).trim();
    const stops = [0, 1, 2, 3].map((stop) => rgb(color(`--heat-${stop}`)));
    const ramp = new Uint8ClampedArray(256 * 4);
    for (let index = 0; index < 256; index++) {
      const place = (index / 255) * (stops.length - 1);
      const stop = Math.min(stops.length - 2, Math.floor(place));
      for (let channel = 0; channel < 3; channel++) {
        const [from, to] = [stops[stop][channel], stops[stop + 1][channel]];
        ramp[index * 4 + channel] = from + (to - from) * (place - stop);
      }
      ramp[index * 4 + 3] = 255;
    }
    this.#colors = {
      ramp,
      text: color("--muted"),
      grid: color("--grid"),
      line: color("--average"),
      halo: color("--surface"),
    };
  }

  draw() {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    if (width === 0) return;
    const scale = devicePixelRatio;
    const pixels = [Math.round(width * scale), Math.round(height * scale)];
    if (this.#canvas.width !== pixels[0] || this.#canvas.height !== pixels[1])
      [this.#canvas.width, this.#canvas.height] = pixels;
    const context = this.#canvas.getContext("2d");
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    const box = { x: LEFT, y: TOP, width: width - LEFT - RIGHT, height: height - TOP - BOTTOM };
    this.#drawGrid(context, box);
    this.#drawBins(context, box);
    this.#drawAverage(context, box);
  }

  #drawGrid(context, box) {
    const { text, grid } = this.#colors;
    context.font = `12px ${getComputedStyle(this.#canvas).fontFamily}`;
    context.fillStyle = text;
    context.strokeStyle = grid;
    context.lineWidth = 1;
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (let delay = 0; delay <= DELAY_MAX; delay += 60) {
      const y = Math.round(yOf(box, delay)) + 0.5;
      line(context, [box.x, y, box.x + box.width, y]);
      context.fillText(delay === 0 ? "on time" : `${delay / 60} h`, box.x - 6, y, LEFT - 8);
    }
    context.textAlign = "center";
    context.textBaseline = "top";
    const step = box.width < 420 ? 6 : 3;
    for (let hour = 0; hour <= 24; hour += step) {
      const x = Math.round(box.x + (hour / 24) * box.width) + 0.5;
      line(context, [x, box.y + box.height, x, box.y + box.height + 4]);
      const label = `${String(hour).padStart(2, "0")}:00`;
      // The outer labels stay inside the picture.
      context.fillText(label, Math.min(x, box.x + box.width + RIGHT - 17), box.y + box.height + 8);
    }
  }

  #drawBins(context, box) {
    const image = new ImageData(COLUMNS, ROWS);
    const { ramp } = this.#colors;
    for (let row = 0; row < ROWS; row++) {
      for (let column = 0; column < COLUMNS; column++) {
        const count = this.#counts[row * COLUMNS + column];
        if (count === 0) continue;
        const shade = Math.min(255, Math.round((255 * Math.log1p(count)) / Math.log1p(MANY)));
        const target = ((ROWS - 1 - row) * COLUMNS + column) * 4;
        image.data.set(ramp.subarray(shade * 4, shade * 4 + 4), target);
      }
    }
    this.#image.getContext("2d").putImageData(image, 0, 0);
    context.imageSmoothingEnabled = false;
    context.drawImage(this.#image, box.x, box.y, box.width, box.height);
  }

  #drawAverage(context, box) {
    const path = new Path2D();
    let drawing = false;
    for (let quarter = 0; quarter < QUARTERS; quarter++) {
      const count = this.#numbers[quarter];
      if (count < FEW) {
        drawing = false;
        continue;
      }
      const x = box.x + ((quarter + 0.5) / QUARTERS) * box.width;
      const y = yOf(box, this.#sums[quarter] / count);
      if (drawing) path.lineTo(x, y);
      else path.moveTo(x, y);
      drawing = true;
    }
    context.lineJoin = "round";
    for (const [color, width] of [
      [this.#colors.halo, 5],
      [this.#colors.line, 2.5],
    ]) {
      context.strokeStyle = color;
      context.lineWidth = width;
      context.stroke(path);
    }
  }
}

const yOf = (box, delay) => box.y + box.height * (1 - (delay - DELAY_MIN) / (DELAY_MAX - DELAY_MIN));

function line(context, [x0, y0, x1, y1]) {
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
  context.stroke();
}
