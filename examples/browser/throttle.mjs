// A slower line: passes bytes on at a rate, so that a page on this machine sees what one far away would see.
import { setTimeout as delay } from "node:timers/promises";

/** Bytes that pass at a time: small enough for 2 Mbit/s to look like a stream. */
const STEP = 4096;
const units = { k: 1e3, m: 1e6, g: 1e9 };

/**
 * Bits a second of "10mbit"; Infinity for "unlimited".
 *
 * @param {string} text
 */
export function parseRate(text) {
  if (text === "unlimited") return Infinity;
  const [, number, unit] = /^(\d+(?:\.\d+)?)([kmg])bit$/i.exec(text) ?? [];
  if (number === undefined || Number(number) === 0)
    throw new RangeError(`a rate is "unlimited" or like "10mbit", got ${JSON.stringify(text)}`);
  return Number(number) * units[unit.toLowerCase()];
}

/**
 * For `pipeline`: the chunks, each when the line has had the time for it.
 *
 * @param {number} rate bits a second
 */
export function throttle(rate) {
  return async function* (source, { signal }) {
    const start = performance.now();
    let sent = 0;
    for await (const chunk of source) {
      if (rate === Infinity) {
        yield chunk;
        continue;
      }
      for (let place = 0; place < chunk.length; place += STEP) {
        const part = chunk.subarray(place, place + STEP);
        sent += part.length;
        const wait = start + (sent * 8000) / rate - performance.now();
        if (wait > 1) await delay(wait, undefined, { signal });
        yield part;
      }
    }
  };
}
