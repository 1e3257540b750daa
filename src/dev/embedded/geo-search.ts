/** GEOSEARCH, GEORADIUS and related commands: the members of a sorted set near a place. Every member is looked at. */
import type { RespValue } from "../../rest/resp.ts";
import { fromBinary, toBinary } from "../text.ts";
import type { Arguments, CommandTable } from "./command.ts";
import { parseDouble } from "./doubles.ts";
import { distanceReply, placeOf, placeReply, readCount, readPlace, readUnit } from "./geo.ts";
import { decodePlace, distance, latitudeDistance } from "./geohash.ts";
import type { Place } from "./geohash.ts";
import type { Keyspace } from "./keyspace.ts";
import { array, bulk, ErrorReply, integer } from "./replies.ts";
import type { Scored, SortedSet } from "./sorted-set.ts";
import { readSortedSet } from "./sorted-sets.ts";
import { storeSortedSet } from "./zset-range-commands.ts";

/** A circle, or a box with sides in metres, in a unit of so many metres. */
type Shape = { readonly unit: number } & (
  { readonly radius: number } | { readonly width: number; readonly height: number }
);

/** How a command names its centre and its shape. */
type Form = "search" | "radius" | "radius-by-member";

/** A command of the family. */
interface Command {
  readonly form: Form;
  /** The index of the key that is searched. */
  readonly key: number;
  /** Whether the command stores its result: always, by an option, or never. */
  readonly stores: "always" | "option" | "never";
}

/** What a command asks for. */
interface Request {
  readonly centre: Place;
  readonly shape: Shape;
  readonly order: "ASC" | "DESC" | undefined;
  readonly count: number;
  readonly flags: ReadonlySet<string>;
  /** The key that takes the result. */
  readonly target: Uint8Array | undefined;
}

/** A member that was found. */
interface Found extends Scored {
  readonly place: Place;
  /** Metres from the centre. */
  readonly metres: number;
}

/** The options of GEOSEARCH for the centre and the shape, and the number of arguments after each. */
const SEARCH_OPTIONS: Readonly<Record<string, number>> = {
  FROMMEMBER: 1,
  FROMLONLAT: 2,
  BYRADIUS: 2,
  BYBOX: 3,
};

const WITH = ["WITHCOORD", "WITHDIST", "WITHHASH"];

function readNumber(args: Arguments, index: number, name: string): number {
  const value = parseDouble(toBinary(args.bytes(index)));
  if (value === undefined) throw new ErrorReply(`ERR need numeric ${name}`);
  return value;
}

function readCircle(args: Arguments, index: number): Shape {
  const radius = readNumber(args, index, "radius");
  if (radius < 0) throw new ErrorReply("ERR radius cannot be negative");
  const unit = readUnit(args, index + 1);
  return { radius: radius * unit, unit };
}

function readBox(args: Arguments, index: number): Shape {
  const width = readNumber(args, index, "width");
  const height = readNumber(args, index + 1, "height");
  if (width < 0 || height < 0) throw new ErrorReply("ERR height or width cannot be negative");
  const unit = readUnit(args, index + 2);
  return { width: width * unit, height: height * unit, unit };
}

function readMember(set: SortedSet | undefined, member: Uint8Array): Place {
  if (set === undefined) return { longitude: 0, latitude: 0 };
  const place = placeOf(set, member);
  if (place === undefined) throw new ErrorReply("ERR could not decode requested zset member");
  return place;
}

/** Reads the arguments after the key. A member as the centre is looked up in the set. */
function readRequest(args: Arguments, command: Command, set: SortedSet | undefined): Request {
  let index = command.key + 1;
  let centre: Place | undefined;
  let shape: Shape | undefined;
  if (command.form === "radius") centre = readPlace(args, index);
  if (command.form === "radius-by-member") centre = readMember(set, args.bytes(index));
  const isSearch = command.form === "search";
  if (!isSearch) {
    index += command.form === "radius" ? 2 : 1;
    // Without a set Redis does not read the circle around one of its members.
    const isRead = command.form === "radius" || set !== undefined;
    shape = isRead ? readCircle(args, index) : { radius: 0, unit: 1 };
    index += 2;
  }
  const flags = new Set<string>();
  let order: Request["order"];
  let count = 0;
  let target = command.stores === "always" ? args.bytes(1) : undefined;
  for (; index < args.length; index++) {
    const option = args.option(index);
    const left = args.length - index - 1;
    if (WITH.includes(option) || option === "ANY") flags.add(option);
    else if (option === "ASC" || option === "DESC") order = option;
    else if (option === "COUNT" && left >= 1) count = readCount(args, ++index);
    else if (command.stores === "option" && (option === "STORE" || option === "STOREDIST") && left >= 1) {
      target = args.bytes(++index);
      if (option === "STOREDIST") flags.add(option);
      else flags.delete("STOREDIST");
    } else if (command.stores === "always" && option === "STOREDIST") flags.add(option);
    else if (isSearch && option in SEARCH_OPTIONS && left >= (SEARCH_OPTIONS[option] ?? 0)) {
      flags.add(option);
      if (option === "FROMMEMBER") centre = readMember(set, args.bytes(index + 1));
      else if (option === "FROMLONLAT") centre = readPlace(args, index + 1);
      else shape = option === "BYRADIUS" ? readCircle(args, index + 1) : readBox(args, index + 1);
      index += SEARCH_OPTIONS[option] ?? 0;
    } else throw args.syntaxError();
  }
  checkOptions(command, target, flags);
  if (centre === undefined || (flags.has("FROMMEMBER") && flags.has("FROMLONLAT")))
    throw new ErrorReply(
      `ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for ${args.printable(0)}`,
    );
  if (shape === undefined || (flags.has("BYRADIUS") && flags.has("BYBOX")))
    throw new ErrorReply(`ERR exactly one of BYRADIUS and BYBOX can be specified for ${args.printable(0)}`);
  if (flags.has("ANY") && count === 0) throw new ErrorReply("ERR the ANY argument requires COUNT argument");
  return { centre, shape, order, count, flags, target };
}

function checkOptions({ stores }: Command, target: Uint8Array | undefined, flags: ReadonlySet<string>): void {
  if (target === undefined || !WITH.some((option) => flags.has(option))) return;
  const what = stores === "always" ? "GEOSEARCHSTORE" : "STORE option in GEORADIUS";
  throw new ErrorReply(`ERR ${what} is not compatible with WITHDIST, WITHHASH and WITHCOORD options`);
}

/** The distance of a place from the centre; undefined if it lies outside. */
function within(centre: Place, shape: Shape, place: Place): number | undefined {
  if ("radius" in shape) {
    const metres = distance(centre, place);
    return metres <= shape.radius ? metres : undefined;
  }
  if (latitudeDistance(place, centre) > shape.height / 2) return undefined;
  const along = distance(place, { longitude: centre.longitude, latitude: place.latitude });
  return along > shape.width / 2 ? undefined : distance(centre, place);
}

function search(set: SortedSet, { centre, shape, order, count, flags }: Request): Found[] {
  const found: Found[] = [];
  for (const entry of set.slice(0, set.size)) {
    if (flags.has("ANY") && found.length === count) break;
    const place = decodePlace(entry.score);
    const metres = within(centre, shape, place);
    if (metres !== undefined) found.push({ ...entry, place, metres });
  }
  // With a count the nearest are wanted, unless any will do.
  const sorted = order ?? (count > 0 && !flags.has("ANY") ? "ASC" : undefined);
  if (sorted === "ASC") found.sort((a, b) => a.metres - b.metres);
  if (sorted === "DESC") found.sort((a, b) => b.metres - a.metres);
  return count > 0 ? found.slice(0, count) : found;
}

function foundReply({ member, score, place, metres }: Found, { flags, shape }: Request): RespValue {
  const name = bulk(fromBinary(member));
  if (!WITH.some((option) => flags.has(option))) return name;
  return array([
    name,
    ...(flags.has("WITHDIST") ? [distanceReply(metres, shape.unit)] : []),
    ...(flags.has("WITHHASH") ? [integer(score)] : []),
    ...(flags.has("WITHCOORD") ? [placeReply(place)] : []),
  ]);
}

function run(command: Command): (keyspace: Keyspace, args: Arguments) => RespValue {
  return (keyspace, args) => {
    const set = readSortedSet(keyspace, args.bytes(command.key));
    const request = readRequest(args, command, set);
    const found = set === undefined ? [] : search(set, request);
    if (request.target === undefined) return array(found.map((one) => foundReply(one, request)));
    const entries = found.map(({ member, score, metres }) => ({
      member,
      score: request.flags.has("STOREDIST") ? metres / request.shape.unit : score,
    }));
    return storeSortedSet(keyspace, request.target, entries);
  };
}

export const GEO_SEARCH_COMMANDS: CommandTable = {
  GEOSEARCH: [-7, run({ form: "search", key: 1, stores: "never" })],
  GEOSEARCHSTORE: [-8, run({ form: "search", key: 2, stores: "always" })],
  GEORADIUS: [-6, run({ form: "radius", key: 1, stores: "option" })],
  GEORADIUS_RO: [-6, run({ form: "radius", key: 1, stores: "never" })],
  GEORADIUSBYMEMBER: [-5, run({ form: "radius-by-member", key: 1, stores: "option" })],
  GEORADIUSBYMEMBER_RO: [-5, run({ form: "radius-by-member", key: 1, stores: "never" })],
};
