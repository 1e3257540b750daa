/** The path and the body of a request for every kind of command. */
import { describe, expect, test } from "vitest";
import { ZstashError } from "../../../src/errors.ts";
import {
  batchForm,
  commandForm,
  nameOf,
  rawPath,
  type RestArgument,
  type RestCommand,
} from "../../../src/rest/rest-command.ts";
import { readPathCommand, readUrl } from "../../../src/dev/request.ts";
import { seededRandom } from "../../support/random.ts";

const bytes = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, 0xff);
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const text = (part: Uint8Array): string => decoder.decode(part);

/** What a server makes of the request's URL. */
function received(path: string): string[] {
  return readPathCommand(readUrl(`http://127.0.0.1${path}`), bytes).map(text);
}

const keys: readonly string[] = [
  "a/b",
  "/",
  "//",
  "a b",
  "a+b",
  "100%",
  "%2F",
  "%",
  "?",
  "a?EX=1",
  "#",
  "a#b",
  "a&b=c",
  "...",
  ".a",
  "a..",
  "../x",
  "./x",
  "a/../b",
  "é",
  "\u{1F600}",
  "\uFEFF",
  "\0",
  "\r\n",
  "\t",
  "\\",
  "a\\b",
  ":",
  "@",
  ";",
  "'\"<>`{}|^",
  "\u2028",
  "k".repeat(2000),
];

describe("bytes go in a body of their own", () => {
  test.each(keys)("behind the key %j, which the server reads as it is", (key) => {
    const form = commandForm(["SET", key, bytes]);
    expect(form).toMatchObject({ raw: true, body: bytes });
    expect(form.path).toMatch(/^\/SET\/[!-~]+$/);
    expect(received(form.path)).toEqual(["SET", key, text(bytes)]);
  });

  test("behind random keys too", () => {
    const random = seededRandom(11);
    for (let round = 0; round < 300; round++) {
      const key = Array.from({ length: 1 + random.below(6) }, () =>
        random.pick([..."./%?#&= +\\a;:@é\u{1F600}\u0001"]),
      ).join("");
      if (key === "." || key === "..") continue;
      expect(received(commandForm(["set", key, bytes]).path)).toEqual(["set", key, text(bytes)]);
    }
  });

  test.each<[RestCommand, string]>([
    [["SET", "k", bytes, "EX", 60], "/SET/k?EX=60"],
    [["set", "k", bytes, "ex", "60"], "/set/k?EX=60"],
    [["SET", "k", bytes, "PX", 60], "/SET/k?PX=60"],
    [["SET", "k", bytes, "EXAT", 1999999999], "/SET/k?EXAT=1999999999"],
    [["SET", "k", bytes, "pxat", 1999999999999], "/SET/k?PXAT=1999999999999"],
    [["SETEX", "k", 60, bytes], "/SETEX/k/60"],
    [["SETNX", "k", bytes], "/SETNX/k"],
    [["HSET", "k", "f g", bytes], "/HSET/k/f%20g"],
  ])("%j", (command, path) => {
    const at = command.findIndex((argument) => argument instanceof Uint8Array);
    expect(rawPath(command, at)).toBe(path);
    expect(commandForm(command)).toEqual({ path, body: bytes, raw: true });
  });
});

describe("bytes that no request can carry", () => {
  test.each<[string, RestCommand]>([
    ["with flags", ["SET", "k", bytes, "NX"]],
    ["with flags before options", ["SET", "k", bytes, "NX", "EX", 10]],
    ["with flags behind options", ["SET", "k", bytes, "EX", 10, "NX"]],
    ["with KEEPTTL", ["SET", "k", bytes, "KEEPTTL"]],
    ["with GET", ["SET", "k", bytes, "GET"]],
    ["with an option without its value", ["SET", "k", bytes, "EX"]],
    ["with an unknown option", ["SET", "k", bytes, "IFEQ", "v"]],
    ["behind an empty key", ["SET", "", bytes]],
    ["behind .", ["SET", ".", bytes]],
    ["behind ..", ["SET", "..", bytes]],
    ["behind a lone high surrogate", ["SET", "\uD800", bytes]],
    ["behind a lone low surrogate", ["SET", "a\uDFFFb", bytes]],
    ["behind swapped surrogates", ["SET", "\uDC00\uD800", bytes]],
    ["behind other bytes", ["HSET", "k", bytes, bytes]],
    ["before other bytes", ["SET", "k", bytes, "EX", bytes]],
    ["before another argument", ["HSET", "k", "f", bytes, "g", "v"]],
  ])("%s are UNSUPPORTED, without their value", (_, command) => {
    const at = command.findIndex((argument) => argument instanceof Uint8Array);
    expect(rawPath(command, at)).toBeUndefined();
    let thrown: unknown;
    try {
      commandForm(command);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(ZstashError);
    expect(thrown).toMatchObject({ code: "UNSUPPORTED" });
  });
});

describe("what holds no bytes", () => {
  test("is JSON, argument for argument", () => {
    const command: readonly RestArgument[] = ["SET", "", "\uD800 \u2028 \0", 1.5, true, "NX"];
    const form = commandForm(command);
    expect(form).toMatchObject({ path: "", raw: false });
    expect(JSON.parse(form.body as string)).toEqual(command);
  });

  test("nor do no bytes at all, which are an empty text", () => {
    const form = commandForm(["SET", "..", new Uint8Array(0), "NX"]);
    expect(form).toEqual({ path: "", raw: false, body: '["SET","..","","NX"]' });
  });

  test("several commands have a path of their kind", () => {
    const commands: readonly RestCommand[] = [
      ["GET", "a"],
      ["INCR", "b"],
    ];
    expect(batchForm("pipeline", commands)).toEqual({
      path: "/pipeline",
      body: '[["GET","a"],["INCR","b"]]',
      raw: false,
    });
    expect(batchForm("multi-exec", commands).path).toBe("/multi-exec");
  });
});

test.each<[RestCommand, string]>([
  [["get", "secret"], "GET"],
  [["JSON.SET", "secret"], "JSON.SET"],
  [["EVALSHA_RO", "secret"], "EVALSHA_RO"],
  [["secret value", "x"], "the command"],
  [["S".repeat(40)], "the command"],
  [["1secret"], "the command"],
  [[""], "the command"],
])("%j is named in messages by its name alone", (command, name) => {
  expect(nameOf(command)).toBe(name);
});
