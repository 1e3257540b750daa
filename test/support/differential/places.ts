/** The commands about places that are compared, and how their arguments are drawn. */
import type { Argument, Draw, Make } from "./draw.ts";

const KEYS: readonly Argument[] = ["k0", "k1", "\xff\x00\x80"];
const MEMBERS: readonly Argument[] = ["f0", "f1", "f2", "f3", "", "Palermo", "Catania", "\x00\xff", "1"];

const key = (draw: Draw): Argument => draw.of(KEYS);
const member = (draw: Draw): Argument => draw.of(MEMBERS);
const degrees = (draw: Draw, most: number): Argument => {
  if (draw.below(25) === 0)
    return draw.of(["x", "181", "-180", "180", "86", "-85.05112878", "1e3", "inf", "0"]);
  return `${(draw.below(2 * most * 1e6) - most * 1e6) / 10 ** (6 + draw.below(3))}`;
};
/** Around Sicily, so that something is found. */
const near = (draw: Draw): Argument[] =>
  draw.below(4) === 0
    ? [degrees(draw, 180), degrees(draw, 85)]
    : [`${13 + draw.below(3e6) / 1e6}`, `${36 + draw.below(3e6) / 1e6}`];
const unit = (draw: Draw): Argument =>
  draw.of(["m", "KM", "km", "ft", "mi", draw.below(8) === 0 ? "x" : "km"]);
const size = (draw: Draw): Argument =>
  draw.below(12) === 0 ? draw.of(["x", "-1", "0", "1e9"]) : `${draw.below(400)}`;

const options = (draw: Draw, ...more: (readonly Argument[])[]): Argument[] => {
  const chosen: Argument[] = [];
  while (draw.below(3) > 0)
    chosen.push(
      ...draw.of([
        ["WITHCOORD"],
        ["withdist"],
        ["WITHHASH"],
        ["ASC"],
        ["desc"],
        ["COUNT", draw.of(["1", "2", "100", "0", "-1", "x"])],
        ...more,
      ]),
    );
  return chosen;
};
const from = (draw: Draw): Argument[] =>
  draw.below(3) === 0 ? ["FROMMEMBER", member(draw)] : ["fromlonlat", ...near(draw)];
const by = (draw: Draw): Argument[] =>
  draw.below(2) === 0 ? ["BYRADIUS", size(draw), unit(draw)] : ["bybox", size(draw), size(draw), unit(draw)];
const search = (draw: Draw, ...more: (readonly Argument[])[]): Argument[] => {
  const parts = [from(draw), by(draw)];
  if (draw.below(20) === 0) parts.push(draw.of(parts));
  if (draw.below(20) === 0) parts.pop();
  if (draw.below(3) === 0) parts.reverse();
  return [...parts.flat(), ...options(draw, ...more)];
};
const STORING: readonly (readonly Argument[])[] = [
  ["STORE", "stored"],
  ["storedist", "stored"],
];

export const PLACES: Readonly<Record<string, Make>> = {
  GEOADD: (draw) => [
    key(draw),
    ...draw.of<Argument[]>([[], [], ["NX"], ["xx"], ["CH"], ["NX", "CH"], ["NX", "XX"]]),
    ...draw.some(() => "x", 5).flatMap(() => [...near(draw), member(draw)]),
  ],
  GEOPOS: (draw) => [key(draw), ...draw.some(() => member(draw))],
  GEOHASH: (draw) => [key(draw), ...draw.some(() => member(draw))],
  GEODIST: (draw) => [key(draw), member(draw), member(draw), ...(draw.below(2) === 0 ? [] : [unit(draw)])],
  GEOSEARCH: (draw) => [key(draw), ...search(draw)],
  GEOSEARCHSTORE: (draw) => ["stored", key(draw), ...search(draw, ["STOREDIST"])],
  GEORADIUS: (draw) => [key(draw), ...near(draw), size(draw), unit(draw), ...options(draw, ...STORING)],
  GEORADIUS_RO: (draw) => [key(draw), ...near(draw), size(draw), unit(draw), ...options(draw)],
  GEORADIUSBYMEMBER: (draw) => [
    key(draw),
    member(draw),
    size(draw),
    unit(draw),
    ...options(draw, ...STORING),
  ],
  GEORADIUSBYMEMBER_RO: (draw) => [key(draw), member(draw), size(draw), unit(draw), ...options(draw)],
  // Stored distances differ in their last digits, as the sines of C and of JavaScript do.
  ZRANGE: (draw) =>
    draw.of([
      ["stored", "0", "-1"],
      [key(draw), "0", "-1", "WITHSCORES"],
    ]),
  ZREM: (draw) => [key(draw), member(draw)],
  DEL: (draw) => [draw.of([...KEYS, "stored"])],
  SET: (draw) => (draw.below(6) === 0 ? [key(draw), "v"] : ["other", "v"]),
};
