/** When a server counts as silent, by the times at which a timer fires: nothing here waits. */
import { expect, test } from "vitest";
import { LATE_LOOKS_MAX, Silence } from "../../../src/rest/silence.ts";

/** What delays the timer that is to fire at `due`, in ms. */
type Delay = (due: number, look: number) => number;

/** The time at which a silence of `limit` ms ends, whose timers are late by `delay`, and with signs at given times. */
function endOf(limit: number, delay: Delay, signs: readonly number[] = []): number {
  const silence = new Silence();
  let time = 0;
  let pause = silence.begin(time, limit);
  for (let look = 1; pause > 0; look++) {
    expect(look).toBeLessThan(100);
    time += pause;
    time += delay(time, look);
    const seen = Math.max(0, ...signs.filter((sign) => sign <= time));
    pause = silence.look(time, seen, limit);
  }
  return time;
}

/** A loop that stands still from one time to another. */
const busy =
  (...times: readonly (readonly [from: number, to: number])[]): Delay =>
  (due) => {
    const one = times.find(([from, to]) => due >= from && due < to);
    return one === undefined ? 0 : one[1] - due;
  };

test.each<[name: string, limit: number, delay: Delay, signs: number[], range: [least: number, most: number]]>(
  [
    ["an idle loop", 300, () => 0, [], [300, 300]],
    ["an idle loop, one millisecond", 1, () => 0, [], [1, 1]],
    ["timers that are late by a few milliseconds", 300, () => 3, [], [300, 320]],
    ["a clock that is behind the timers by 1 ms", 300, () => -1, [], [299, 310]],
    ["busy from the start", 300, busy([0, 600]), [], [850, 900]],
    ["busy until just before the end", 300, busy([0, 290]), [], [500, 590]],
    ["busy until just after the end", 300, busy([0, 320]), [], [520, 620]],
    ["busy at the end", 300, busy([280, 1000]), [], [1020, 1300]],
    ["busy four times", 300, busy([0, 400], [401, 800], [801, 1200], [1201, 1600]), [], [1800, 1900]],
    [
      "a minute, and busy for a tenth of a second in the middle",
      60_000,
      busy([29_950, 30_050]),
      [],
      [60_000, 60_100],
    ],
    ["a sign, then silence", 300, () => 0, [200], [500, 510]],
    ["a sign while the loop stands still", 300, busy([0, 600]), [10], [850, 900]],
    // Background tabs: timers fire once a second, later once a minute.
    [
      "timers that fire once a second",
      300,
      (due) => Math.ceil(due / 1000) * 1000 - due,
      [],
      [10_000, 12_000],
    ],
    [
      "timers that fire once a minute",
      60_000,
      (due) => Math.ceil(due / 60_000) * 60_000 - due,
      [],
      [60_000, 720_000],
    ],
    ["timers that are always late", 1000, () => 5000, [], [5000, (LATE_LOOKS_MAX + 1) * 5250]],
  ],
)("%s", (_, limit, delay, signs, [least, most]) => {
  const end = endOf(limit, delay, signs);
  expect(end).toBeGreaterThanOrEqual(least);
  expect(end).toBeLessThanOrEqual(most);
});
