/** Places as the scores of sorted sets: 52 bits of interleaved latitude and longitude, and distances on the Earth. */

/** Degrees. */
export interface Place {
  readonly longitude: number;
  readonly latitude: number;
}

/** A range of degrees that is divided into 2^26 parts. */
type Extent = readonly [min: number, max: number];

const LONGITUDES: Extent = [-180, 180];
/** Mercator's, as in EPSG:900913. */
const LATITUDES: Extent = [-85.05112878, 85.05112878];
/** Those of geohash.org's texts. */
const ALL_LATITUDES: Extent = [-90, 90];
const STEPS = 26;
const EARTH_RADIUS = 6_372_797.560856;
const ALPHABET = "0123456789bcdefghjkmnpqrstuvwxyz";
const TEXT_LENGTH = 11;

/** Returns true for a place that has a score. */
export function isPlace({ longitude, latitude }: Place): boolean {
  return isWithin(longitude, LONGITUDES) && isWithin(latitude, LATITUDES);
}

function isWithin(degrees: number, [min, max]: Extent): boolean {
  return degrees >= min && degrees <= max;
}

/** The score of a place. */
export function encodePlace(place: Place, latitudes: Extent = LATITUDES): number {
  const latitude = partOf(place.latitude, latitudes);
  const longitude = partOf(place.longitude, LONGITUDES);
  let score = 0;
  for (let step = STEPS - 1; step >= 0; step--)
    score = score * 4 + ((longitude >>> step) & 1) * 2 + ((latitude >>> step) & 1);
  return score;
}

function partOf(degrees: number, [min, max]: Extent): number {
  return Math.floor(((degrees - min) / (max - min)) * 2 ** STEPS) >>> 0;
}

/** The middle of the area that a score stands for. */
export function decodePlace(score: number): Place {
  let [longitude, latitude] = [0, 0];
  const bits = BigInt(Math.trunc(score));
  for (let step = STEPS - 1; step >= 0; step--) {
    const pair = Number((bits >> BigInt(2 * step)) & 3n);
    longitude = longitude * 2 + (pair >> 1);
    latitude = latitude * 2 + (pair & 1);
  }
  return { longitude: middleOf(longitude, LONGITUDES), latitude: middleOf(latitude, LATITUDES) };
}

function middleOf(part: number, [min, max]: Extent): number {
  const edge = (index: number): number => min + (index / 2 ** STEPS) * (max - min);
  return Math.max(min, Math.min(max, (edge(part) + edge(part + 1)) / 2));
}

/** The text of geohash.org for a score: 11 characters, of which the last has no bits left and is 0. */
export function geohashText(score: number): string {
  const bits = BigInt(encodePlace(decodePlace(score), ALL_LATITUDES));
  let text = "";
  for (let index = 1; index < TEXT_LENGTH; index++)
    text += ALPHABET[Number((bits >> BigInt(2 * STEPS - 5 * index)) & 31n)] ?? "";
  return `${text}0`;
}

function radians(degrees: number): number {
  return degrees * (Math.PI / 180);
}

/** Metres between two places, on a sphere. */
export function distance(a: Place, b: Place): number {
  const v = Math.sin((radians(b.longitude) - radians(a.longitude)) / 2);
  if (v === 0) return latitudeDistance(a, b);
  const [first, second] = [radians(a.latitude), radians(b.latitude)];
  const u = Math.sin((second - first) / 2);
  return 2 * EARTH_RADIUS * Math.asin(Math.sqrt(u * u + Math.cos(first) * Math.cos(second) * v * v));
}

/** Metres between the latitudes of two places. */
export function latitudeDistance(a: Place, b: Place): number {
  return EARTH_RADIUS * Math.abs(radians(b.latitude) - radians(a.latitude));
}
