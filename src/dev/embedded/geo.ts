/** Commands about places: adding them, and their coordinates, hashes and distances. */
import type { RespValue } from "../../rest/resp.ts";
import { toBinary, utf8 } from "../text.ts";
import { parseInteger } from "./command.ts";
import type { Arguments, CommandTable } from "./command.ts";
import { formatDouble, parseDouble } from "./doubles.ts";
import { decodePlace, distance, encodePlace, geohashText, isPlace } from "./geohash.ts";
import type { Place } from "./geohash.ts";
import type { Keyspace } from "./keyspace.ts";
import { formatLongDouble, toLongDouble } from "./long-double.ts";
import { array, bulk, ErrorReply, NOT_A_FLOAT, NULL, NULL_ARRAY } from "./replies.ts";
import type { SortedSet } from "./sorted-set.ts";
import { addMembers, readSortedSet } from "./sorted-sets.ts";

/** Metres in each unit. */
const UNITS: Readonly<Record<string, number>> = { M: 1, KM: 1000, FT: 0.3048, MI: 1609.34 };

/** Reads a unit as the metres in it. */
export function readUnit(args: Arguments, index: number): number {
  const metres = UNITS[args.option(index)];
  if (metres === undefined) throw new ErrorReply("ERR unsupported unit provided. please use M, KM, FT, MI");
  return metres;
}

/** Reads a longitude and the latitude after it. */
export function readPlace(args: Arguments, index: number): Place {
  const [longitude, latitude] = [index, index + 1].map((at) => parseDouble(toBinary(args.bytes(at))));
  if (longitude === undefined || latitude === undefined) throw new ErrorReply(NOT_A_FLOAT);
  const place = { longitude, latitude };
  if (isPlace(place)) return place;
  const printed = [longitude, latitude].map((degrees) =>
    Number.isFinite(degrees) ? degrees.toFixed(6) : formatDouble(degrees),
  );
  throw new ErrorReply(`ERR invalid longitude,latitude pair ${printed.join(",")}`);
}

/** A longitude and a latitude with up to 17 decimals. */
export function placeReply({ longitude, latitude }: Place): RespValue {
  return array([longitude, latitude].map((degrees) => bulk(utf8(formatLongDouble(toLongDouble(degrees))))));
}

/** Metres in a unit, with four decimals. */
export function distanceReply(metres: number, unit: number): RespValue {
  return bulk(utf8((metres / unit).toFixed(4)));
}

function add(keyspace: Keyspace, args: Arguments): RespValue {
  const flags = new Set<string>();
  let index = 2;
  for (; ["NX", "XX", "CH"].includes(args.option(index)); index++) flags.add(args.option(index));
  if ((args.length - index) % 3 !== 0 || (flags.has("NX") && flags.has("XX"))) throw args.syntaxError();
  const scored: (readonly [number, Uint8Array])[] = [];
  for (; index < args.length; index += 3)
    scored.push([encodePlace(readPlace(args, index)), args.bytes(index + 2)]);
  // Redis passes them on to ZADD, which requires at least one.
  if (scored.length === 0) throw args.syntaxError();
  return addMembers(keyspace, args.bytes(1), scored, flags);
}

/** A reply for each member from argument 2 on, made from its score. */
function ofMembers(
  keyspace: Keyspace,
  args: Arguments,
  missing: RespValue,
  reply: (score: number) => RespValue,
): RespValue {
  const set = readSortedSet(keyspace, args.bytes(1));
  return array(
    args.from(2).map((member) => {
      const score = set?.score(member);
      return score === undefined ? missing : reply(score);
    }),
  );
}

/** The place of a member; undefined if it is not in the set. */
export function placeOf(set: SortedSet, member: Uint8Array): Place | undefined {
  const score = set.score(member);
  return score === undefined ? undefined : decodePlace(score);
}

function between(keyspace: Keyspace, args: Arguments): RespValue {
  if (args.length > 5) throw args.syntaxError();
  const unit = args.length === 5 ? readUnit(args, 4) : 1;
  const set = readSortedSet(keyspace, args.bytes(1));
  if (set === undefined) return NULL;
  const [a, b] = [placeOf(set, args.bytes(2)), placeOf(set, args.bytes(3))];
  return a === undefined || b === undefined ? NULL : distanceReply(distance(a, b), unit);
}

/** Reads a count of places, which is at least 1. */
export function readCount(args: Arguments, index: number): number {
  const count = parseInteger(args.bytes(index));
  if (count === undefined) return args.number(index);
  if (count < 1n) throw new ErrorReply("ERR COUNT must be > 0");
  return Number(count);
}

export const GEO_COMMANDS: CommandTable = {
  GEOADD: [-5, add],
  GEOPOS: [
    -2,
    (keyspace, args) => ofMembers(keyspace, args, NULL_ARRAY, (score) => placeReply(decodePlace(score))),
  ],
  GEOHASH: [
    -2,
    (keyspace, args) => ofMembers(keyspace, args, NULL, (score) => bulk(utf8(geohashText(score)))),
  ],
  GEODIST: [-4, between],
};
